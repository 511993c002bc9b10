//! The crate kdmp-parser, a reader that knows nothing of this project, reads what is written.
//!
//! It reads dumps of pages of x64; small dumps it does not take.

use dump_writer::{
    Bitmap, Description, Error, Exception, Machine, Memory, Module, Object, Page, Ranges,
    Registers, X64, write_bitmap, write_full, write_ranges,
};
use kdmp_parser::{DumpType, Gpa, Gva, Gxa, KernelDumpParser, PageKind};
use std::io::Cursor;

fn described() -> Description {
    let bytes = |length: usize| (0..length).map(|index| (index % 251) as u8).collect();
    let memory = |address, length, page| Memory { address, bytes: bytes(length), page };
    let module = |path: &str, base, size| Module {
        path: path.to_owned(),
        base,
        size,
        checksum: 0x1234,
        stamp: 0x5f00_0000,
    };
    let general = std::array::from_fn(|index| 0xffff_a001_0000_0000 + index as u64);
    let mut xmm = [[0; 16]; 16];
    xmm[3] = std::array::from_fn(|index| index as u8);
    Description {
        bug_check: 0x133,
        parameters: [1, 0x1e00, 0xffff_f803_1122_3344, 0],
        registers: Some(Registers::X64(X64 {
            general,
            rip: 0xffff_f803_8123_4567,
            flags: 0x4_0202,
            segments: [0x10, 0x2b, 0x2b, 0x53, 0x2b, 0x18],
            xmm,
            mxcsr: 0x1f80,
        })),
        exception: Some(Exception {
            code: 0x8000_0003,
            flags: 1,
            address: 0xffff_f803_8123_4567,
            parameters: vec![7, 8, 9],
        }),
        modules: vec![
            module(r"\SystemRoot\system32\ntoskrnl.exe", 0xffff_f803_8060_0000, 0x104_6000),
            module(r"\SystemRoot\System32\drivers\x.sys", 0xffff_f803_8123_0000, 0x9000),
        ],
        memory: vec![
            memory(0xffff_a001_9000_0ff0, 0x2030, Page::Small),
            memory(0xffff_a001_9100_0123, 0x20, Page::Transition),
            memory(0xffff_b000_d01f_f123, 0x2011, Page::Large),
            memory(0xffff_c000_7fff_fff0, 0x123, Page::Huge),
        ],
        stack: Some(Object { address: 0xffff_f803_9000_1ee8, bytes: bytes(0x1118) }),
        prcb: Some(Object { address: 0xffff_f803_7000_0180, bytes: vec![0; 0x8f00] }),
        comment: "read by kdmp-parser".to_owned(),
        system_time: 0x01d7_0000_0000_0000,
        up_time: 0x3_0000_0000,
        processors: 1,
        ..Description::new(Machine::X64)
    }
}

type Writer = fn(&Description, &mut Vec<u8>) -> Result<(), Error>;

const WRITERS: [(Writer, DumpType); 6] = [
    (|description, out| write_full(description, out), DumpType::Full),
    (|description, out| write_bitmap(description, Bitmap::Full, out), DumpType::Bmp),
    (|description, out| write_bitmap(description, Bitmap::Kernel, out), DumpType::LiveKernelMemory),
    (|description, out| write_ranges(description, Ranges::Kernel, out), DumpType::KernelMemory),
    (
        |description, out| write_ranges(description, Ranges::KernelAndUser, out),
        DumpType::KernelAndUserMemory,
    ),
    (|description, out| write_ranges(description, Ranges::Complete, out), DumpType::CompleteMemory),
];

/// Every form of dump, opened; and the file.
fn each(check: impl Fn(&Description, &KernelDumpParser, &[u8])) {
    for (write, kind) in WRITERS {
        for frame_step in [1, 3] {
            if kind == DumpType::Full && frame_step != 1 {
                continue;
            }
            let description = Description { frame_step, ..described() };
            let mut file = Vec::new();
            write(&description, &mut file).expect("a dump");
            let parser = KernelDumpParser::with_reader(Cursor::new(file.clone()))
                .unwrap_or_else(|error| panic!("{kind:?}: {error}"));
            assert_eq!(parser.dump_type(), kind);
            check(&description, &parser, &file);
        }
    }
}

#[test]
fn header_and_records() {
    each(|description, parser, file| {
        let header = parser.headers();
        assert_eq!(header.bug_check_code, 0x133);
        assert_eq!(header.bug_check_code_parameters, description.parameters);
        assert_eq!((header.minor_version, header.number_processors), (19041, 1));
        assert_eq!(header.machine_image_type, 0x8664);
        assert!(header.comment.starts_with(b"read by kdmp-parser\0"));
        assert_eq!(header.system_time, description.system_time as i64);
        assert_eq!(header.system_up_time, description.up_time as i64);
        assert_eq!(header.required_dump_space, file.len() as i64);
        let record = parser.exception_record();
        assert_eq!((record.exception_code, record.exception_flags), (0x8000_0003, 1));
        assert_eq!(record.exception_address, 0xffff_f803_8123_4567);
        assert_eq!(record.number_parameters, 3);
        assert_eq!(record.exception_information[..3], [7, 8, 9]);
    });
}

#[test]
fn registers() {
    each(|_, parser, _| {
        let context = parser.context_record();
        let general = [
            context.rax,
            context.rcx,
            context.rdx,
            context.rbx,
            context.rsp,
            context.rbp,
            context.rsi,
            context.rdi,
            context.r8,
            context.r9,
            context.r10,
            context.r11,
            context.r12,
            context.r13,
            context.r14,
            context.r15,
        ];
        for (index, register) in general.into_iter().enumerate() {
            assert_eq!(register, 0xffff_a001_0000_0000 + index as u64);
        }
        assert_eq!((context.rip, context.eflags), (0xffff_f803_8123_4567, 0x4_0202));
        assert_eq!((context.seg_cs, context.seg_ss, context.seg_fs), (0x10, 0x18, 0x53));
        assert_eq!((context.mxcsr, context.mxcsr2), (0x1f80, 0x1f80));
        let bytes: [u8; 16] = std::array::from_fn(|index| index as u8);
        assert_eq!(context.xmm_registers[3], u128::from_le_bytes(bytes));
    });
}

#[test]
fn memory_and_modules() {
    each(|description, parser, file| {
        for memory in &description.memory {
            let mut read = vec![0; memory.bytes.len()];
            parser.virt_read_exact(Gva::new(memory.address), &mut read).expect("memory");
            assert!(read == memory.bytes, "{:#x}", memory.address);
            let translated = parser.virt_translate(Gva::new(memory.address)).expect("a page");
            let kind = match memory.page {
                Page::Small | Page::Transition => PageKind::Normal,
                Page::Large => PageKind::Large,
                Page::Huge => PageKind::Huge,
            };
            assert_eq!(translated.page_kind, kind);
            let mut byte = [0; 1];
            parser.phys_read_exact(translated.gpa(), &mut byte).expect("a page");
            assert_eq!(byte[0], memory.bytes[0]);
        }
        let absent = Gva::new(0xffff_a001_9200_0000);
        assert!(parser.virt_translate(absent).is_err());
        assert!(parser.phys_read_exact(Gpa::new(0), &mut [0]).is_err(), "the first page is free");
        let mut modules: Vec<(u64, u64, String)> = parser
            .kernel_modules()
            .map(|(range, name)| (range.start.u64(), range.end.u64(), name.to_owned()))
            .collect();
        modules.sort_unstable();
        let named: Vec<(u64, u64, String)> = description
            .modules
            .iter()
            .map(|module| {
                let end = module.base + u64::from(module.size);
                (module.base, end, module.path.clone())
            })
            .collect();
        assert_eq!(modules, named);
        let pages = parser.physmem().len();
        assert!(pages * 0x1000 < file.len() && file.len() < pages * 0x1000 + 0x2_0000);
    });
}
