//! The host's side: a page of machine code that loads all registers, executes one instruction and
//! stores all registers, with faults turned into a result.

use iced_x86::{Code, Encoder, Instruction, MemoryOperand, Register};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

/// Bytes of memory that instructions work on.
pub const BUFFER: usize = 4096;

const PAGE: usize = 4096;
/// Where in the code page the instruction under test lies; behind it the two landing places.
const INSTRUCTION: usize = 0x400;
const FALL: usize = INSTRUCTION + 32;
const TAKEN: usize = INSTRUCTION + 64;
/// The state page: registers in, registers out.
const STATE: usize = PAGE;
const IN: usize = STATE;
const OUT: usize = STATE + 0x400;
const HOST_RSP: usize = STATE + 0x800;
const MARK: usize = STATE + 0x808;
/// Offsets inside IN and OUT.
const FLAGS: usize = 16 * 8;
const XMM: usize = 0x100;
const DATA: usize = 2 * PAGE;

/// Everything an instruction can see or change.
#[derive(Clone)]
pub struct State {
    pub gpr: [u64; 16],
    pub xmm: [u128; 16],
    pub rflags: u64,
    pub memory: Vec<u8>,
    /// The branch was taken.
    pub taken: bool,
}

impl Default for State {
    fn default() -> State {
        State { gpr: [0; 16], xmm: [0; 16], rflags: 2, memory: vec![0; BUFFER], taken: false }
    }
}

impl State {
    /// Writes eight bytes at a host address inside the buffer.
    pub fn put(&mut self, host: &Host, addr: u64, value: u64) {
        let at = addr.wrapping_sub(host.buffer()) as usize;
        if let Some(slot) = self.memory.get_mut(at..at.saturating_add(8)) {
            slot.copy_from_slice(&value.to_le_bytes());
        }
    }

    /// Reads eight bytes at a host address inside the buffer.
    pub fn get(&self, host: &Host, addr: u64) -> u64 {
        let at = addr.wrapping_sub(host.buffer()) as usize;
        let slot = self.memory.get(at..at.saturating_add(8));
        slot.and_then(|slot| slot.try_into().ok()).map_or(0, u64::from_le_bytes)
    }
}

/// The signal of the last fault, and where to go on after one.
static FAULT: AtomicI32 = AtomicI32::new(0);
static RESUME: AtomicU64 = AtomicU64::new(0);
static CODE_FROM: AtomicU64 = AtomicU64::new(0);

pub struct Host {
    base: *mut u8,
}

const GPR: [Register; 16] = crate::GPR64;

struct Writer {
    base: u64,
    at: usize,
    bytes: Vec<(usize, Vec<u8>)>,
}

impl Writer {
    fn put(&mut self, i: Result<Instruction, iced_x86::IcedError>) {
        let i = i.expect("an instruction of the frame");
        let mut encoder = Encoder::new(64);
        let n = encoder.encode(&i, self.base + self.at as u64).expect("it encodes");
        self.bytes.push((self.at, encoder.take_buffer()));
        self.at += n;
    }

    fn slot(&self, offset: usize) -> MemoryOperand {
        MemoryOperand::with_base_displ(Register::RIP, (self.base + offset as u64) as i64)
    }

    fn load(&mut self, r: Register, offset: usize) {
        self.put(Instruction::with2(Code::Mov_r64_rm64, r, self.slot(offset)));
    }

    fn store(&mut self, offset: usize, r: Register) {
        self.put(Instruction::with2(Code::Mov_rm64_r64, self.slot(offset), r));
    }

    fn jump(&mut self, to: usize) {
        self.put(Instruction::with_branch(Code::Jmp_rel32_64, self.base + to as u64));
    }
}

const SAVED: [Register; 6] =
    [Register::RBX, Register::RBP, Register::R12, Register::R13, Register::R14, Register::R15];

extern "C" fn on_fault(signal: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes a ucontext_t to a handler installed with SA_SIGINFO.
    let context = unsafe { &mut *context.cast::<libc::ucontext_t>() };
    let rip = context.uc_mcontext.gregs[libc::REG_RIP as usize];
    let from = CODE_FROM.load(Ordering::Relaxed);
    if !(from..from + PAGE as u64).contains(&(rip as u64)) {
        // SAFETY: a fault of the test itself: end at once, without unwinding out of a handler.
        unsafe { libc::abort() };
    }
    FAULT.store(signal, Ordering::Relaxed);
    context.uc_mcontext.gregs[libc::REG_RIP as usize] = RESUME.load(Ordering::Relaxed) as i64;
}

impl Host {
    pub fn new() -> Host {
        // SAFETY: a fresh private anonymous mapping, low in the address space so that 32-bit
        // addresses reach it; it lives as long as the process.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                DATA + BUFFER,
                libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT,
                -1,
                0,
            )
        };
        assert_ne!(base, libc::MAP_FAILED, "a page that may be written and executed");
        let host = Host { base: base.cast() };
        host.write_frame();
        host.catch_faults();
        host
    }

    fn catch_faults(&self) {
        let stack = vec![0u8; 1 << 16].leak();
        // SAFETY: the alternate stack is leaked, hence lives on; the handler only touches atomics
        // and its context. Without that stack a fault with RSP anywhere could not be delivered.
        unsafe {
            let alternate = libc::stack_t {
                ss_sp: stack.as_mut_ptr().cast(),
                ss_flags: 0,
                ss_size: stack.len(),
            };
            libc::sigaltstack(&alternate, std::ptr::null_mut());
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_fault as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
            for signal in [libc::SIGSEGV, libc::SIGFPE, libc::SIGILL, libc::SIGBUS, libc::SIGTRAP] {
                libc::sigaction(signal, &action, std::ptr::null_mut());
            }
        }
        CODE_FROM.store(self.base as u64, Ordering::Relaxed);
    }

    fn write_frame(&self) {
        let mut w = Writer { base: self.base as u64, at: 0, bytes: Vec::new() };
        for r in SAVED {
            w.put(Instruction::with1(Code::Push_r64, r));
        }
        w.store(HOST_RSP, Register::RSP);
        for n in 0..16 {
            let slot = w.slot(IN + XMM + n * 16);
            let r = Register::XMM0 + n as u32;
            w.put(Instruction::with2(Code::Movups_xmm_xmmm128, r, slot));
        }
        let flags = w.slot(IN + FLAGS);
        w.put(Instruction::with1(Code::Push_rm64, flags));
        w.put(Ok(Instruction::with(Code::Popfq)));
        for (n, r) in GPR.into_iter().enumerate() {
            w.load(r, IN + n * 8);
        }
        w.jump(INSTRUCTION);
        w.at = FALL;
        let mark = w.slot(MARK);
        w.put(Instruction::with2(Code::Mov_rm8_imm8, mark, 0));
        let save = TAKEN + 16;
        w.jump(save);
        w.at = TAKEN;
        w.put(Instruction::with2(Code::Mov_rm8_imm8, mark, 1));
        assert!(w.at <= save);
        w.jump(save);
        w.at = save;
        for (n, r) in GPR.into_iter().enumerate() {
            w.store(OUT + n * 8, r);
        }
        w.load(Register::RSP, HOST_RSP);
        w.put(Ok(Instruction::with(Code::Pushfq)));
        let flags = w.slot(OUT + FLAGS);
        w.put(Instruction::with1(Code::Pop_rm64, flags));
        w.put(Instruction::with1(Code::Pushq_imm32, 0x202));
        w.put(Ok(Instruction::with(Code::Popfq)));
        for n in 0..16 {
            let slot = w.slot(OUT + XMM + n * 16);
            let r = Register::XMM0 + n as u32;
            w.put(Instruction::with2(Code::Movups_xmmm128_xmm, slot, r));
        }
        for r in SAVED.into_iter().rev() {
            w.put(Instruction::with1(Code::Pop_r64, r));
        }
        w.put(Ok(Instruction::with(Code::Retnq)));
        assert!(w.at < PAGE);
        RESUME.store(self.base as u64 + save as u64, Ordering::Relaxed);
        for (at, bytes) in w.bytes {
            self.write(at, &bytes);
        }
    }

    fn write(&self, at: usize, bytes: &[u8]) {
        assert!(at + bytes.len() <= DATA + BUFFER);
        // SAFETY: inside the mapping, which nothing holds a reference into.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.base.add(at), bytes.len());
        }
    }

    fn read(&self, at: usize, into: &mut [u8]) {
        assert!(at + into.len() <= DATA + BUFFER);
        // SAFETY: inside the mapping, which nothing holds a reference into.
        unsafe {
            std::ptr::copy_nonoverlapping(self.base.add(at), into.as_mut_ptr(), into.len());
        }
    }

    /// The address at which the instruction runs.
    pub fn instruction(&self) -> u64 {
        self.base as u64 + INSTRUCTION as u64
    }

    /// Where a branch under test leads.
    pub fn taken(&self) -> u64 {
        self.base as u64 + TAKEN as u64
    }

    /// The address of the memory to work on.
    pub fn buffer(&self) -> u64 {
        self.base as u64 + DATA as u64
    }

    /// Puts the instruction under test in place, with a jump to the landing place behind it.
    pub fn place(&mut self, bytes: &[u8]) {
        self.write(INSTRUCTION, bytes);
        let mut w =
            Writer { base: self.base as u64, at: INSTRUCTION + bytes.len(), bytes: Vec::new() };
        w.jump(FALL);
        assert!(w.at <= FALL);
        for (at, bytes) in w.bytes {
            self.write(at, &bytes);
        }
    }

    /// Executes the instruction from this state: the state after it, and the signal if it faulted.
    pub fn run(&mut self, state: &State) -> (State, Option<i32>) {
        for n in 0..16 {
            self.write(IN + n * 8, &state.gpr[n].to_le_bytes());
            self.write(IN + XMM + n * 16, &state.xmm[n].to_le_bytes());
        }
        self.write(IN + FLAGS, &state.rflags.to_le_bytes());
        self.write(MARK, &[0]);
        self.write(DATA, &state.memory);
        FAULT.store(0, Ordering::Relaxed);
        // SAFETY: the page holds the frame written by `write_frame`, a function without arguments
        // that keeps the callee-saved registers; the instruction in it only reaches the buffer, as
        // the interpreter ran it first.
        unsafe {
            let frame: extern "C" fn() = std::mem::transmute(self.base);
            frame();
        }
        let mut after = state.clone();
        let mut word = [0; 8];
        let mut vector = [0; 16];
        for n in 0..16 {
            self.read(OUT + n * 8, &mut word);
            after.gpr[n] = u64::from_le_bytes(word);
            self.read(OUT + XMM + n * 16, &mut vector);
            after.xmm[n] = u128::from_le_bytes(vector);
        }
        self.read(OUT + FLAGS, &mut word);
        after.rflags = u64::from_le_bytes(word);
        self.read(MARK, &mut word[..1]);
        after.taken = word[0] == 1;
        self.read(DATA, &mut after.memory);
        let fault = FAULT.load(Ordering::Relaxed);
        (after, (fault != 0).then_some(fault))
    }
}
