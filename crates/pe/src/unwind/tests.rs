//! Stack walks over hand-written functions; the expected registers are worked out by hand.

use super::*;
use crate::functions::Function;

const BASE: u64 = 0xffff_f800_1000_0000;
const CODE: u32 = 0x100;
const INFO: u32 = 0x400;
const STACK: u64 = 0xffff_9000_0000_1000;

/// A module of one function with the given code and unwind information.
struct Case {
    memory: Vec<u8>,
    functions: Vec<Function>,
    stack: Vec<u64>,
}

impl Case {
    fn new(code: &[u8], info: &[u8]) -> Self {
        let mut memory = vec![0xcc; 0x1000];
        memory[CODE as usize..CODE as usize + code.len()].copy_from_slice(code);
        memory[INFO as usize..INFO as usize + info.len()].copy_from_slice(info);
        let function = Function { begin: CODE, end: CODE + code.len() as u32, unwind: INFO };
        // Each slot of the stack holds a value that tells its own index.
        let stack = (0..256).map(|slot| 0x5000 + slot).collect();
        Self { memory, functions: vec![function], stack }
    }

    fn step_as(
        &self,
        offset: u32,
        change: impl Fn(&mut Registers),
        rip: Rip,
    ) -> (Registers, Frame) {
        let module = Module { base: BASE, functions: &self.functions, memory: &self.memory };
        let rip_value = BASE + u64::from(CODE + offset);
        let mut registers = Registers { rip: rip_value, rsp: STACK, gpr: [0; 16] };
        change(&mut registers);
        let mut read = |address: u64| {
            let slot = address.checked_sub(STACK)?;
            self.stack.get(usize::try_from(slot / 8).ok()?).copied().filter(|_| slot % 8 == 0)
        };
        let frame = step(&module, &mut registers, rip, &mut read).unwrap();
        assert_eq!(registers.rsp, registers.gpr[RSP]);
        (registers, frame)
    }

    fn step(&self, offset: u32) -> (Registers, Frame) {
        self.step_as(offset, |_| (), Rip::Exact)
    }
}

/// `push rbx; sub rsp, 0x20; nop; nop; add rsp, 0x20; pop rbx; ret`
fn simple() -> Case {
    let code = [0x53, 0x48, 0x83, 0xec, 0x20, 0x90, 0x90, 0x48, 0x83, 0xc4, 0x20, 0x5b, 0xc3, 0xcc];
    Case::new(&code, &[1, 5, 2, 0, 5, 0x32, 1, 0x30])
}

#[test]
fn a_leaf_function_has_its_return_address_on_top() {
    let (registers, frame) = simple().step(0x200);
    assert_eq!((registers.rip, registers.rsp), (0x5000, STACK + 8));
    assert_eq!((frame.region, frame.function), (Region::Leaf, None));
}

#[test]
fn every_place_in_a_function_leads_to_the_same_caller() {
    let case = simple();
    // (offset, RSP in slots below the return address, region, RBX restored from the stack)
    for (offset, depth, region, saved) in [
        (0, 0, Region::Prologue, false),
        (1, 1, Region::Prologue, true),
        (5, 5, Region::Body, true),
        (6, 5, Region::Body, true),
        (7, 5, Region::Epilogue, true),
        (11, 1, Region::Epilogue, true),
        (12, 0, Region::Epilogue, false),
    ] {
        let (registers, frame) = case.step(offset);
        assert_eq!(frame.region, region, "at {offset}");
        assert_eq!(registers.rip, 0x5000 + depth, "at {offset}");
        assert_eq!(registers.rsp, STACK + 8 * depth + 8, "at {offset}");
        assert_eq!(registers.gpr[3], if saved { 0x5000 + depth - 1 } else { 0 }, "at {offset}");
        assert_eq!(frame.procedure, Some(CODE));
    }
}

#[test]
fn a_frame_register_stands_for_a_moved_stack_pointer() {
    // push rbp; sub rsp, 0x40; lea rbp, [rsp + 0x20]; (alloca) nop; lea rsp, [rbp + 0x20]; pop rbp; ret
    let code = [
        0x55, 0x48, 0x83, 0xec, 0x40, 0x48, 0x8d, 0x6c, 0x24, 0x20, 0x90, 0x48, 0x8d, 0x65, 0x20,
        0x5d, 0xc3,
    ];
    // SaveNonvol rsi at 0x38, SetFrame, Allocate 0x40, Push rbp; frame register RBP, offset 0x20.
    let info = [1, 10, 5, 0x25, 10, 0x64, 7, 0, 10, 0x03, 5, 0x72, 1, 0x50, 0, 0];
    let case = Case::new(&code, &info);
    let frame_at = |slots: u64| move |r: &mut Registers| r.gpr[5] = STACK + slots * 8 + 0x20;
    // RSP is 4 slots below the fixed allocation: the frame register knows.
    let (registers, frame) = case.step_as(10, frame_at(4), Rip::Exact);
    assert_eq!(frame.establisher, STACK + 32);
    assert_eq!(registers.gpr[6], 0x5000 + 4 + 7, "RSI");
    assert_eq!(registers.gpr[5], 0x5000 + 4 + 8, "RBP");
    assert_eq!(registers.rip, 0x5000 + 4 + 9);
    let (registers, frame) = case.step_as(11, frame_at(4), Rip::Exact);
    assert_eq!((frame.region, registers.rip), (Region::Epilogue, 0x5000 + 4 + 9));
    // Before the frame register is set, its value means nothing.
    let (registers, frame) = case.step_as(5, |r| r.gpr[5] = 7, Rip::Exact);
    assert_eq!((frame.region, registers.rip), (Region::Prologue, 0x5000 + 9));
    assert_eq!(frame.establisher, STACK);
}

#[test]
fn large_allocations_and_far_saves() {
    // Body only: Allocate 0x300 (scaled), Allocate 0x100 (unscaled), SaveFar rdi at 8, xmm saves skipped.
    let info = [
        1, 0, 13, 0, 0, 0x01, 0x60, 0, 0, 0x11, 0, 1, 0, 0, 0, 0x75, 8, 0, 0, 0, 0, 0x68, 1, 0, 0,
        0x69, 0x10, 0, 0, 0, 0, 0,
    ];
    let (registers, _) = Case::new(&[0x90; 16], &info).step(3);
    assert_eq!(registers.gpr[7], 0x5001, "RDI is relative to the start of the allocation");
    assert_eq!(registers.rip, 0x5000 + 0x400 / 8);
}

#[test]
fn a_machine_frame_restores_the_interrupted_stack() {
    for (code, first) in [(0x0a, 0), (0x1a, 1)] {
        let case = Case::new(&[0x90; 16], &[1, 0, 1, 0, 0, code, 0, 0]);
        let (registers, frame) = case.step(3);
        assert!(frame.machine_frame);
        assert_eq!((registers.rip, registers.rsp), (0x5000 + first, 0x5003 + first));
    }
}

#[test]
fn a_chained_entry_undoes_its_own_part_and_its_parents() {
    let mut case = simple();
    // A second range, whose information saves RSI at 0x28 and continues the first.
    let mut info = vec![0x21, 0, 2, 0, 0, 0x64, 5, 0];
    for word in [CODE, CODE + 14, INFO] {
        info.extend(word.to_le_bytes());
    }
    case.memory[0x500..0x500 + info.len()].copy_from_slice(&info);
    case.functions.push(Function { begin: CODE + 0x20, end: CODE + 0x40, unwind: 0x500 });
    let (registers, frame) = case.step(0x28);
    assert_eq!(registers.gpr[6], 0x5005, "RSI");
    assert_eq!(registers.gpr[3], 0x5004, "RBX");
    assert_eq!(registers.rip, 0x5005);
    assert_eq!(frame.procedure, Some(CODE));
}

#[test]
fn a_jump_within_the_procedure_is_no_epilogue() {
    let mut case = simple();
    // jmp to the chained part: still in the body, though the target is another entry.
    case.memory[CODE as usize + 5..][..2].copy_from_slice(&[0xeb, 0x19]);
    let mut info = vec![0x21, 0, 0, 0];
    for word in [CODE, CODE + 14, INFO] {
        info.extend(word.to_le_bytes());
    }
    case.memory[0x500..0x500 + info.len()].copy_from_slice(&info);
    case.functions.push(Function { begin: CODE + 0x20, end: CODE + 0x40, unwind: 0x500 });
    assert_eq!(case.step(5).1.region, Region::Body);
    // The same jump to a function of its own is a call in tail position.
    case.functions.pop();
    assert_eq!(case.step(5).1.region, Region::Epilogue);
    // jmp [rip + x] is an import; jmp [table + rax * 8] is a switch.
    case.memory[CODE as usize + 5..][..2].copy_from_slice(&[0xff, 0x25]);
    assert_eq!(case.step(5).1.region, Region::Epilogue);
    case.memory[CODE as usize + 5..][..2].copy_from_slice(&[0xff, 0x24]);
    assert_eq!(case.step(5).1.region, Region::Body);
}

#[test]
fn a_return_address_after_the_last_instruction_belongs_to_the_caller() {
    let case = simple();
    let (registers, frame) = case.step_as(14, |_| (), Rip::Return);
    assert_eq!((frame.region, registers.rip), (Region::Body, 0x5005));
    assert_eq!(case.step(14).1.region, Region::Leaf);
}

#[test]
fn a_handler_is_named_in_the_body_only() {
    let mut case = simple();
    let info = [0x19, 5, 2, 0, 5, 0x32, 1, 0x30, 0x34, 0x12, 0, 0, 1, 0, 0, 0];
    case.memory[INFO as usize..INFO as usize + info.len()].copy_from_slice(&info);
    let (_, frame) = case.step(5);
    assert_eq!((frame.handler, frame.handler_data), (Some(0x1234), INFO + 12));
    assert_eq!(case.step(1).1.handler, None);
    assert_eq!(case.step(7).1.handler, None);
    for (index, word) in [1, 0x105, 0x107, 1, 0x10b].into_iter().enumerate() {
        let at = INFO as usize + 12 + index * 4;
        case.memory[at..at + 4].copy_from_slice(&u32::to_le_bytes(word));
    }
    let module = Module { base: BASE, functions: &case.functions, memory: &case.memory };
    let scope = Scope { begin: 0x105, end: 0x107, handler: 1, target: 0x10b };
    assert_eq!(scope_table(&module, INFO + 12).unwrap(), [scope]);
    assert!(scope_table(&module, 0xffe).is_err());
    assert!(scope_table(&module, 0x600).is_err(), "0xcccccccc entries");
}

#[test]
fn what_cannot_be_unwound_leaves_the_registers_alone() {
    let fails = |case: &Case, rip: u64, readable: bool| {
        let module = Module { base: BASE, functions: &case.functions, memory: &case.memory };
        let before = Registers { rip, rsp: STACK, gpr: [9; 16] };
        let mut registers = before;
        let mut read = |_: u64| readable.then_some(0);
        let error = step(&module, &mut registers, Rip::Exact, &mut read).unwrap_err();
        assert_eq!(registers, before, "{error}");
        error
    };
    let mut case = simple();
    let body = BASE + u64::from(CODE) + 5;
    assert_eq!(fails(&case, BASE - 1, true), UnwindError::Outside { rip: BASE - 1 });
    assert_eq!(fails(&case, body, false), UnwindError::Stack { address: STACK + 0x20 });
    for (at, value, words) in [
        (0, 3, "version 3"),
        (5, 0x37, "code 7"),
        (5, 0x21, "code 1 with 2"),
        (7, 0x40, "restores RSP"),
        (7, 0x03, "names none"),
        (7, 0x04, "lacks its operand"),
        (0, 0x21, "outside the image"),
    ] {
        let mut case = simple();
        case.memory[INFO as usize + at] = value;
        let error = fails(&case, body, true).to_string();
        let words = if at == 0 && value == 0x21 { "ends before it begins" } else { words };
        assert!(error.contains(words), "{error}");
    }
    // A chain that leads to itself ends.
    let mut info = vec![0x21, 0, 0, 0];
    for word in [CODE, CODE + 14, INFO] {
        info.extend(word.to_le_bytes());
    }
    case.memory[INFO as usize..INFO as usize + info.len()].copy_from_slice(&info);
    assert!(fails(&case, body, true).to_string().contains("chain of more than"));
}
