//! The drivers of `drivers/`, built by two tool chains, read and mapped as a loader would.
#![allow(clippy::disallowed_methods)] // The room does no I/O; this reads the drivers.

use iced_x86::{Code, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};
use pe::unwind::{Module, Region, Registers, Rip, UnwindCode, read_info, step};
use pe::{Image, ImportTarget, check_driver};
use std::path::{Path, PathBuf};

const BASE: u64 = 0xffff_f805_4321_0000;
const STACK: u64 = 0xffff_8a00_0000_0000;

fn drivers() -> Vec<PathBuf> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|e| e == "sys") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../drivers"), &mut found);
    found.sort();
    assert!(!found.is_empty(), "no built drivers in drivers/");
    found
}

#[test]
fn every_driver_can_be_loaded() {
    for path in drivers() {
        let file = std::fs::read(&path).unwrap();
        let image = check_driver(&file).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let memory = image.map_at(BASE).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(memory.len(), image.size_of_image() as usize);
        let imports = image.imports().unwrap();
        assert!(!imports.is_empty(), "{}", path.display());
        for import in imports.iter().flat_map(|m| &m.entries) {
            // By number from our own export driver alone.
            let named =
                matches!(&import.target, ImportTarget::Name { name, .. } if !name.is_empty());
            assert!(
                named
                    || path.ends_with("ring-user.sys")
                    || path.ends_with("pool-double-free-library.sys")
            );
            assert!(image.section_at(import.iat_rva).is_some());
        }
        for relocation in image.relocations().unwrap() {
            let at = relocation.rva as usize;
            let value = u64::from_le_bytes(memory[at..at + 8].try_into().unwrap());
            let offset = value.wrapping_sub(BASE);
            assert!(offset < memory.len() as u64, "{}: {value:#x}", path.display());
        }
        // GNU ld writes a checksum, LLVM's linker none.
        assert!([0, image.computed_checksum()].contains(&image.checksum()), "{}", path.display());
        image.exports().unwrap();
        image.load_config().unwrap();
        if let Some(codeview) = image.codeview().unwrap() {
            assert!(codeview.path.is_empty() || codeview.path.ends_with(".pdb"), "{codeview:?}");
        }
        assert!(!image.functions().unwrap().is_empty());
    }
}

/// By how much an instruction moves RSP, as far as compilers do it in functions without a frame register.
fn moves_stack(instruction: &Instruction) -> i64 {
    let by_constant = instruction.op0_register() == Register::RSP
        && matches!(instruction.op1_kind(), OpKind::Immediate8to64 | OpKind::Immediate32to64);
    match instruction.mnemonic() {
        Mnemonic::Sub if by_constant => -(instruction.immediate(1) as i64),
        Mnemonic::Add if by_constant => instruction.immediate(1) as i64,
        Mnemonic::Call | Mnemonic::Ret => 0,
        _ => i64::from(instruction.stack_pointer_increment()),
    }
}

/// Where the code itself says that the return address is, the unwinder finds it: at every instruction of
/// every function, prologues and epilogues included.
#[test]
fn the_unwinder_agrees_with_the_code_at_every_instruction() {
    let mut checked = [0; 3];
    for path in drivers() {
        let file = std::fs::read(&path).unwrap();
        let image = Image::parse(&file).unwrap();
        let memory = image.map_at(BASE).unwrap();
        let functions = image.functions().unwrap();
        let module = Module { base: BASE, functions: &functions, memory: &memory };
        for function in &functions {
            let code = &memory[function.begin as usize..function.end as usize];
            let ip = BASE + u64::from(function.begin);
            let instructions: Vec<Instruction> =
                Decoder::with_ip(64, code, ip, DecoderOptions::NONE).into_iter().collect();
            // Such an epilogue undoes by the frame register what this test would have to compute.
            let moves_back = instructions
                .iter()
                .any(|i| i.mnemonic() == Mnemonic::Lea && i.op0_register() == Register::RSP);
            // Bytes that are no instruction are a jump table behind the code, decoded as if it were code.
            let holds_data = instructions.iter().any(Instruction::is_invalid);
            if moves_back || holds_data {
                continue;
            }
            let info = read_info(&module, *function).unwrap();
            // What a compiler has moved out of a function begins with that one's frame set up.
            if !info.codes.is_empty() && info.codes.iter().all(|(offset, _)| *offset == 0) {
                continue;
            }
            let sets_frame = info.codes.iter().find(|(_, code)| *code == UnwindCode::SetFrame);
            let sets_frame = sets_frame.map(|(offset, _)| u64::from(*offset));
            let (mut depth, mut body, mut depth_of_frame) = (0, 0, 0);
            for instruction in &instructions {
                let mut registers =
                    Registers { rip: instruction.ip(), rsp: STACK, ..Registers::default() };
                if sets_frame == Some(instruction.ip() - ip) {
                    depth_of_frame = depth;
                }
                if let Some((register, above)) = info.frame {
                    let rsp_then = STACK.wrapping_add_signed(depth - depth_of_frame);
                    registers.gpr[usize::from(register)] = rsp_then + u64::from(above);
                }
                // Each stack slot holds its own address, so the return address tells where it was.
                let frame = step(&module, &mut registers, Rip::Exact, &mut Some).unwrap();
                let place = format!("{} {:#x}", path.display(), instruction.ip() - BASE);
                assert_eq!(registers.rip, STACK + depth as u64, "{place} {:?}", frame.region);
                assert_eq!(registers.rsp, STACK + depth as u64 + 8, "{place}");
                match frame.region {
                    Region::Prologue => checked[0] += 1,
                    Region::Body => {
                        checked[1] += 1;
                        body = depth;
                    }
                    Region::Epilogue => checked[2] += 1,
                    Region::Leaf => panic!("{place} has a function table entry"),
                }
                depth -= moves_stack(instruction);
                // What follows a return or a jump out was jumped to from the body.
                let leaves = matches!(instruction.mnemonic(), Mnemonic::Ret | Mnemonic::Int3)
                    || (frame.region == Region::Epilogue
                        && instruction.mnemonic() == Mnemonic::Jmp);
                if leaves && instruction.code() != Code::Int3 {
                    depth = body;
                }
            }
        }
    }
    assert!(checked.iter().all(|n| *n > 50), "{checked:?} instructions of each region");
}
