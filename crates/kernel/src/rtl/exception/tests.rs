//! Exceptions in an image made by hand: a function with a `__try` block, one that it calls, and the
//! stub that leads to the language handler.

use crate::cx::Cx;
use crate::event::Routine;
use crate::map;
use crate::module::{Image, Section, image_base};
use crate::rtl::test_machine::{block, outcome, run};
use crate::world::Outcome;
use nt::status::STATUS_ACCESS_VIOLATION;

const RAISED: u32 = 0xe042_0001;
/// RVAs: what the kernel calls, what that calls, the stub, the unwind information of both, the table.
const OUTER: u32 = 0x1000;
const INNER: u32 = 0x1040;
const STUB: u32 = 0x1020;
const OUTER_INFO: u32 = 0x1100;
const INNER_INFO: u32 = 0x1140;
const TABLE: u32 = 0x1180;
/// Where tests put a filter.
const FILTER: u32 = 0x1200;

struct Bytes(Vec<u8>);

impl Bytes {
    fn put(&mut self, at: u32, bytes: &[u8]) -> u32 {
        let start = at as usize;
        self.0[start..start + bytes.len()].copy_from_slice(bytes);
        at + bytes.len() as u32
    }

    fn words(&mut self, mut at: u32, words: &[u32]) {
        for word in words {
            at = self.put(at, &word.to_le_bytes());
        }
    }
}

/// Loads the image. Its outer routine reads where RCX leads, calls the inner one, and returns 0, or
/// the exception's code from the `__except` block. The inner one spoils RBX and XMM6,
/// which it saved, and raises. `filter` as in a scope table.
fn load(cx: &mut Cx, filter: u32) -> u64 {
    let mut image = Bytes(vec![0; 0x2000]);
    image.words(0x3c, &[0x80]);
    image.put(0x98, &[0x0b, 0x02]);
    image.words(0x98 + 108, &[16]);
    image.words(0x98 + 136, &[TABLE, 24]);

    // sub rsp, 28h; mov rax, [rcx]; call inner; nop; xor eax, eax; add rsp, 28h; ret
    let at = image.put(OUTER, &[0x48, 0x83, 0xec, 0x28]);
    let begin = at;
    let at = image.put(at, &[0x48, 0x8b, 0x01, 0xe8]);
    let at = image.put(at, &(INNER - at - 4).to_le_bytes());
    let end = image.put(at, &[0x90]);
    let target = image.put(end, &[0x31, 0xc0]);
    let after = image.put(target, &[0x48, 0x83, 0xc4, 0x28, 0xc3]);
    // mov rax, __C_specific_handler; jmp rax
    let handler = cx.registry.address_of("__C_specific_handler").expect("a service");
    let at = image.put(STUB, &[0x48, 0xb8]);
    let at = image.put(at, &handler.to_le_bytes());
    image.put(at, &[0xff, 0xe0]);
    // push rbx; sub rsp, 30h; movaps [rsp + 10h], xmm6; pxor xmm6, xmm6
    let at = image.put(INNER, &[0x53, 0x48, 0x83, 0xec, 0x30, 0x0f, 0x29, 0x74, 0x24, 0x10]);
    let at = image.put(at, &[0x66, 0x0f, 0xef, 0xf6]);
    // mov ebx, 99h; mov ecx, code; mov rax, ExRaiseStatus; call rax; int3
    let at = image.put(at, &[0xbb, 0x99, 0, 0, 0, 0xb9]);
    let at = image.put(at, &RAISED.to_le_bytes());
    let at = image.put(at, &[0x48, 0xb8]);
    let raise = cx.registry.address_of("ExRaiseStatus").expect("a service");
    let at = image.put(at, &raise.to_le_bytes());
    let last = image.put(at, &[0xff, 0xd0, 0xcc]);

    // Version 1, both handler flags, prologue of 4 bytes, one code: allocates 28h.
    image.put(OUTER_INFO, &[0x19, 4, 1, 0, 4, 0x42, 0, 0]);
    image.words(OUTER_INFO + 8, &[STUB, 1, begin, end, filter, target]);
    // Three codes: saves XMM6 at 10h, allocates 30h, pushes RBX.
    image.put(INNER_INFO, &[0x01, 10, 4, 0, 10, 0x68, 1, 0, 5, 0x52, 1, 0x30]);
    // Room for another body, see `through`.
    assert!(last <= OUTER_INFO);
    image.words(TABLE, &[OUTER, after, OUTER_INFO, INNER, OUTER_INFO, INNER_INFO]);

    let base = image_base(0);
    cx.load(Image {
        name: "made.sys".to_owned(),
        base,
        bytes: image.0,
        entry: OUTER,
        headers: 0x400,
        sections: vec![Section {
            name: ".text".to_owned(),
            rva: 0x1000,
            bytes: 0x1000,
            code: true,
            writable: false,
            pageable: false,
            discardable: false,
        }],
        imports: Vec::new(),
        cookie: None,
        guard: (None, None),
        role: Default::default(),
        uses: 0,
        library: (None, None),
    });
    base + u64::from(OUTER)
}

#[test]
fn a_raised_exception_unwinds_to_its_handler() {
    run(|cx| {
        let routine = load(cx, 1);
        let readable = block(cx, 16);
        cx.cpu().gpr[3] = 0x1234;
        cx.cpu().xmm[6] = 0x5678;
        let before = cx.cpu().gpr[4];
        assert_eq!(cx.call(Routine::Callback, routine, &[readable])?, u64::from(RAISED));
        assert_eq!((cx.cpu().gpr[3], cx.cpu().xmm[6]), (0x1234, 0x5678), "the caller's again");
        assert_eq!((cx.cpu().gpr[4], cx.state.me().depth), (before, 0));
        Ok(())
    });
}

#[test]
fn a_bad_user_address_is_an_exception_below_dispatch_level_only() {
    for bad in [0, 0x42_0000_1000, map::USER] {
        run(move |cx| {
            let routine = load(cx, 1);
            let code = cx.call(Routine::Callback, routine, &[bad])?;
            assert_eq!(code, u64::from(STATUS_ACCESS_VIOLATION), "{bad:#x}");
            Ok(())
        });
        let ended = outcome(move |cx| {
            let routine = load(cx, 1);
            cx.set_irql(2);
            cx.call(Routine::Callback, routine, &[bad]).map(drop)
        });
        assert!(matches!(ended, Some(Outcome::Internal { .. })), "{ended:?}");
    }
}

#[test]
fn a_bad_system_address_is_never_one() {
    let ended = outcome(|cx| {
        let routine = load(cx, 1);
        cx.call(Routine::Callback, routine, &[0xffff_8000_0000_0000]).map(drop)
    });
    assert!(
        matches!(&ended, Some(Outcome::Internal { what }) if what.contains("refused")),
        "{ended:?}"
    );
}

#[test]
fn what_no_filter_takes_ends_the_run() {
    let ended = outcome(|cx| {
        // xor eax, eax; ret: EXCEPTION_CONTINUE_SEARCH
        let routine = load(cx, FILTER);
        cx.bus.memory.poke(image_base(0) + u64::from(FILTER), &[0x31, 0xc0, 0xc3]);
        let readable = block(cx, 16);
        cx.call(Routine::Callback, routine, &[readable]).map(drop)
    });
    assert!(
        matches!(&ended, Some(Outcome::Unsupported { what }) if what.contains("0xE0420001")),
        "{ended:?}"
    );
}

#[test]
fn a_filter_that_would_go_on_cannot_after_a_raise() {
    let ended = outcome(|cx| {
        let routine = load(cx, FILTER);
        // mov eax, -1; ret
        cx.bus
            .memory
            .poke(image_base(0) + u64::from(FILTER), &[0xb8, 0xff, 0xff, 0xff, 0xff, 0xc3]);
        let readable = block(cx, 16);
        cx.call(Routine::Callback, routine, &[readable]).map(drop)
    });
    assert!(matches!(ended, Some(Outcome::Unsupported { .. })), "{ended:?}");
}

#[test]
fn a_filter_may_mend_a_register_and_go_on() {
    run(|cx| {
        let routine = load(cx, FILTER);
        let readable = block(cx, 16);
        // mov rax, [rcx + 8]; mov r8, readable; mov [rax + 80h], r8; mov eax, -1; ret
        let mut filter = vec![0x48, 0x8b, 0x41, 0x08, 0x49, 0xb8];
        filter.extend(readable.to_le_bytes());
        filter.extend([0x4c, 0x89, 0x80, 0x80, 0, 0, 0, 0xb8, 0xff, 0xff, 0xff, 0xff, 0xc3]);
        let base = image_base(0);
        cx.bus.memory.poke(base + u64::from(FILTER), &filter);
        // The inner routine does nothing.
        cx.bus.memory.poke(base + u64::from(INNER), &[0xc3]);
        assert_eq!(cx.call(Routine::Callback, routine, &[0])?, 0, "no handler, a normal return");
        Ok(())
    });
}

/// Where tests put a routine that raises, called by a service.
const RAISER: u32 = 0x1280;

/// Has the inner routine call a service with `words` in RCX, RDX, R8, R9 and on the stack, the last
/// of them the routine that raises.
fn through(cx: &mut Cx, service: &str, words: [u64; 4], fifth: bool) {
    let base = image_base(0);
    // mov ecx, code; mov rax, ExRaiseStatus; jmp rax
    let raise = cx.registry.address_of("ExRaiseStatus").expect("a service");
    let mut raiser = vec![0xb9];
    raiser.extend(RAISED.to_le_bytes());
    raiser.extend([0x48, 0xb8]);
    raiser.extend(raise.to_le_bytes());
    raiser.extend([0xff, 0xe0]);
    cx.bus.memory.poke(base + u64::from(RAISER), &raiser);
    // Behind the prologue: mov rbx, 0 - so that a value that is not put back shows.
    let mut body = vec![0x31, 0xdb];
    let registers: [[u8; 2]; 4] = [[0x48, 0xb9], [0x48, 0xba], [0x49, 0xb8], [0x49, 0xb9]];
    for (register, word) in registers.iter().zip(words) {
        body.extend(register);
        body.extend(word.to_le_bytes());
    }
    if fifth {
        // mov rax, raiser; mov [rsp + 20h], rax
        body.extend([0x48, 0xb8]);
        body.extend((base + u64::from(RAISER)).to_le_bytes());
        body.extend([0x48, 0x89, 0x44, 0x24, 0x20]);
    }
    // mov rax, service; call rax; int3
    body.extend([0x48, 0xb8]);
    body.extend(cx.registry.address_of(service).expect("a service").to_le_bytes());
    body.extend([0xff, 0xd0, 0xcc]);
    cx.bus.memory.poke(base + u64::from(INNER) + 14, &body);
}

#[test]
fn an_exception_unwinds_through_a_service_that_calls_back() {
    run(|cx| {
        let routine = load(cx, 1);
        let readable = block(cx, 64);
        through(cx, "bsearch", [readable, readable, 4, 8], true);
        cx.cpu().gpr[3] = 0x1234;
        cx.cpu().xmm[6] = 0x5678;
        let before = cx.cpu().gpr[4];
        assert_eq!(cx.call(Routine::Callback, routine, &[readable])?, u64::from(RAISED));
        assert_eq!((cx.cpu().gpr[3], cx.cpu().xmm[6]), (0x1234, 0x5678), "the caller's again");
        assert_eq!((cx.cpu().gpr[4], cx.state.me().depth), (before, 0));
        assert!(cx.exceptions.nested.is_empty());
        // And the same again: nothing of the first one is left.
        assert_eq!(cx.call(Routine::Callback, routine, &[readable])?, u64::from(RAISED));
        Ok(())
    });
}

#[test]
fn a_service_that_holds_something_is_not_left_silently() {
    let closed = |filter: u32| {
        outcome(move |cx| {
            let routine = load(cx, filter);
            let readable = block(cx, 64);
            let raiser = image_base(0) + u64::from(RAISER);
            through(cx, "RtlRunOnceExecuteOnce", [readable, raiser, 0, 0], false);
            cx.call(Routine::Callback, routine, &[readable]).map(drop)
        })
    };
    let ended = closed(1);
    assert!(
        matches!(&ended, Some(Outcome::Unsupported { what }) if what.contains("RtlRunOnceExecuteOnce")),
        "{ended:?}"
    );
}

#[test]
fn an_exception_does_not_leave_a_filter() {
    let ended = outcome(|cx| {
        let routine = load(cx, FILTER);
        let readable = block(cx, 64);
        through(cx, "bsearch", [readable, readable, 4, 8], true);
        // The filter: mov rax, raiser; jmp rax
        let mut filter = vec![0x48, 0xb8];
        filter.extend((image_base(0) + u64::from(RAISER)).to_le_bytes());
        filter.extend([0xff, 0xe0]);
        cx.bus.memory.poke(image_base(0) + u64::from(FILTER), &filter);
        cx.call(Routine::Callback, routine, &[readable]).map(drop)
    });
    assert!(
        matches!(&ended, Some(Outcome::Unsupported { what }) if what.contains("handles another")),
        "{ended:?}"
    );
}
