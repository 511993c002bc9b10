//! What the interpreter asks of the world around it.

/// Memory, ports and the few processor services that belong to the simulated machine.
///
/// Any method may refuse with [`Bus::Stop`]. The instruction then has had no effect (a repeated
/// string instruction: registers show the iterations already done) and runs again, asking again,
/// when [`crate::Cpu::run`] is called the next time.
///
/// Addresses are linear guest addresses; accesses may be unaligned and may cross a page. An
/// instruction performs all its loads before its single store, and changes registers last.
pub trait Bus {
    /// Why the bus refused: a fault, a scheduling point, ...
    type Stop;

    /// Whether [`Bus::instruction`] is called. A bus that leaves this false pays nothing.
    const TRACE: bool = false;

    /// Called before the instruction at `rip` executes, for a trace or to know where an access
    /// comes from. Called again for an instruction that was refused and runs again, and once for
    /// a repeated string instruction.
    fn instruction(&mut self, rip: u64) {
        let _ = rip;
    }

    /// Reads one byte.
    fn load8(&mut self, addr: u64) -> Result<u8, Self::Stop>;
    /// Reads two bytes, little-endian.
    fn load16(&mut self, addr: u64) -> Result<u16, Self::Stop>;
    /// Reads four bytes, little-endian.
    fn load32(&mut self, addr: u64) -> Result<u32, Self::Stop>;
    /// Reads eight bytes, little-endian.
    fn load64(&mut self, addr: u64) -> Result<u64, Self::Stop>;
    /// Reads sixteen bytes, little-endian.
    fn load128(&mut self, addr: u64) -> Result<u128, Self::Stop>;
    /// Writes one byte.
    fn store8(&mut self, addr: u64, value: u8) -> Result<(), Self::Stop>;
    /// Writes two bytes, little-endian.
    fn store16(&mut self, addr: u64, value: u16) -> Result<(), Self::Stop>;
    /// Writes four bytes, little-endian.
    fn store32(&mut self, addr: u64, value: u32) -> Result<(), Self::Stop>;
    /// Writes eight bytes, little-endian.
    fn store64(&mut self, addr: u64, value: u64) -> Result<(), Self::Stop>;
    /// Writes sixteen bytes, little-endian.
    fn store128(&mut self, addr: u64, value: u128) -> Result<(), Self::Stop>;

    /// Reads `N` bytes (1, 2, 4, 8) if that needs no thinking. `None` says nothing: the methods above
    /// are asked then. A bus may leave it and [`Bus::quick_store`] out.
    #[inline(always)]
    fn quick_load<const N: usize>(&mut self, addr: u64) -> Option<[u8; N]> {
        let _ = addr;
        None
    }
    /// Writes `N` bytes if that needs no thinking; false says nothing.
    #[inline(always)]
    fn quick_store<const N: usize>(&mut self, addr: u64, bytes: [u8; N]) -> bool {
        let _ = (addr, bytes);
        false
    }

    /// Copies up to 15 bytes of executable code at `addr`, returning how many are available (at
    /// least 1). Refuses where the byte at `addr` may not be executed. Asked when a block is
    /// decoded, not each time it runs.
    fn fetch(&mut self, addr: u64, into: &mut [u8; 15]) -> Result<usize, Self::Stop>;

    /// Called before an interlocked instruction (LOCK prefix, or XCHG with memory) touches the
    /// `size` bytes at `addr`. Called again when the refused instruction is run again.
    fn interlocked(&mut self, addr: u64, size: u8) -> Result<(), Self::Stop>;

    /// IN: reads `size` (1, 2, 4) bytes from an I/O port; bits above `size` are ignored.
    fn port_in(&mut self, port: u16, size: u8) -> Result<u32, Self::Stop>;
    /// OUT: writes the low `size` (1, 2, 4) bytes of `value` to an I/O port.
    fn port_out(&mut self, port: u16, size: u8, value: u32) -> Result<(), Self::Stop>;
    /// MOV from CR8, the task priority register.
    fn read_cr8(&mut self) -> Result<u64, Self::Stop>;
    /// MOV to CR8, the task priority register.
    fn write_cr8(&mut self, value: u64) -> Result<(), Self::Stop>;
    /// RDTSC and RDTSCP: the time-stamp counter.
    fn rdtsc(&mut self) -> Result<u64, Self::Stop>;
    /// RDTSCP and RDPID: the TSC_AUX register, where systems keep the processor's number.
    fn tsc_aux(&mut self) -> Result<u32, Self::Stop> {
        Ok(0)
    }
    /// CPUID: EAX, EBX, ECX, EDX for a leaf and subleaf.
    fn cpuid(&mut self, leaf: u32, subleaf: u32) -> Result<[u32; 4], Self::Stop>;
    /// PAUSE: the code is spinning.
    fn pause(&mut self) -> Result<(), Self::Stop>;
}
