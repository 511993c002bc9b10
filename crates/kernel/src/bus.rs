//! What the interpreter sees: guest memory, the device's registers, CR8, virtual time.

use crate::device::{self, Lane};
use devices::{Refused, Slot};
use memory::{Access, DEVICE, Fault, FaultCause, Memory, TRACKED, USER};

/// Why an instruction was interrupted. It had no effect and runs again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BusStop {
    /// An access was refused.
    Fault(Fault),
    /// Somebody else may run before this instruction.
    Point(What),
    /// CR8 is about to be written.
    Cr8(u64),
    /// An I/O port is addressed.
    Port(u16),
    /// A register or port of the device is addressed, which sleeps: range, offset, whether it is
    /// written.
    Asleep(u8, u64, bool),
}

/// How much of an instruction is let through without another scheduling point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Nothing.
    Shut,
    /// Reads of shared memory: an instruction that reads and writes has a point for each.
    Reads,
    /// Everything.
    Open,
}

/// Kind of instruction that is a scheduling point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// An interlocked operation on this address.
    Interlocked(u64),
    /// A device register at this address.
    Register(u64),
    /// An I/O port of the device.
    Port(u16),
    /// So many bytes of shared memory at this address.
    Memory(u64, u8, Access),
    /// PAUSE: the code waits for somebody.
    Pause,
}

/// The bus.
pub struct GuestBus {
    /// Guest memory.
    pub memory: Memory,
    /// The device below the bench's bus driver.
    pub card: Slot,
    /// The first access to memory that the device was refused and nobody was told of.
    pub dma_fault: Option<Fault>,
    /// IRQL of who runs.
    pub irql: u8,
    /// Processor of who runs.
    pub processor: u8,
    /// What the instruction under way may do, having had its scheduling point.
    pub open: Gate,
    /// Somebody else may run: interlocked operations are scheduling points.
    pub others: bool,
    /// User-half ranges (start, end) that who runs may touch.
    pub user: Vec<(u64, u64)>,
    /// Virtual time-stamp counter.
    pub ticks: u64,
    /// CR8 write that was carried out.
    pub cr8_done: bool,
    /// The access to a register of a device that sleeps was told.
    pub asleep_told: bool,
    /// Every access to shared memory is a scheduling point.
    pub tracking: bool,
    /// The next one is.
    pub watching: bool,
    /// Accesses to shared memory are shown to the kernel, without being scheduling points.
    pub observing: bool,
}

impl GuestBus {
    /// A bus with nothing mapped.
    pub fn new() -> GuestBus {
        GuestBus {
            memory: Memory::new(),
            card: Slot::default(),
            dma_fault: None,
            irql: 0,
            processor: 0,
            open: Gate::Shut,
            others: false,
            user: Vec::new(),
            ticks: 0,
            cr8_done: false,
            asleep_told: false,
            tracking: false,
            watching: false,
            observing: false,
        }
    }

    fn pass(&mut self, what: What) -> Result<(), BusStop> {
        let passes = match self.open {
            Gate::Shut => false,
            Gate::Reads => matches!(what, What::Memory(_, _, Access::Read)),
            Gate::Open => true,
        };
        let shown = self.others || self.observing && matches!(what, What::Memory(..));
        if passes || !shown { Ok(()) } else { Err(BusStop::Point(what)) }
    }

    /// Stops an access to a device that sleeps until it was told.
    #[inline]
    fn awake(&mut self, bar: u8, offset: u64, write: bool) -> Result<(), BusStop> {
        if self.card.asleep() && !std::mem::take(&mut self.asleep_told) {
            return Err(BusStop::Asleep(bar, offset, write));
        }
        Ok(())
    }

    /// Reads the device's registers, which is time that passes for it.
    pub(crate) fn read_device(&mut self, bar: u8, offset: u64, bytes: u8) -> u64 {
        let value = self.card.read(bar, offset, bytes);
        if self.card.pending() {
            self.others = true;
            if self.card.wait(4) {
                // Whatever the bus refuses is told at the next scheduling point.
                let _ = self.step_device();
            }
        }
        value
    }

    /// Writes the device's registers.
    pub(crate) fn write_device(&mut self, bar: u8, offset: u64, bytes: u8, value: u64) {
        self.card.write(bar, offset, bytes, value);
        self.others |= self.card.pending();
    }

    /// The device does one thing by itself.
    pub(crate) fn step_device(&mut self) -> Result<&'static str, Refused> {
        let mut lane = Lane { memory: &mut self.memory, refused: &mut self.dma_fault };
        self.card.step(&mut lane)
    }

    fn user_allowed(&self, address: u64, bytes: u64) -> bool {
        let end = address.wrapping_add(bytes);
        self.irql < 2 && self.user.iter().any(|&(from, to)| from <= address && end <= to)
    }

    #[cold]
    fn load_special<const N: usize>(
        &mut self,
        address: u64,
        fault: Fault,
    ) -> Result<[u8; N], BusStop> {
        let mut bytes = [0; N];
        match fault.cause {
            FaultCause::Flags(flags) if flags & DEVICE != 0 => {
                self.pass(What::Register(address))?;
                let (bar, offset) = device::place(address);
                self.awake(bar, offset, false)?;
                let value = self.read_device(bar, offset, N as u8);
                bytes.copy_from_slice(&value.to_le_bytes().repeat(N.div_ceil(8))[..N]);
                Ok(bytes)
            }
            FaultCause::Flags(flags) => {
                self.special(address, N, Access::Read, flags, fault)?;
                self.memory.peek(address, &mut bytes);
                Ok(bytes)
            }
            _ => Err(BusStop::Fault(fault)),
        }
    }

    #[cold]
    fn store_special<const N: usize>(
        &mut self,
        address: u64,
        bytes: [u8; N],
        fault: Fault,
    ) -> Result<(), BusStop> {
        match fault.cause {
            FaultCause::Flags(flags) if flags & DEVICE != 0 => {
                self.pass(What::Register(address))?;
                let mut word = [0; 8];
                let n = N.min(8);
                word[..n].copy_from_slice(&bytes[..n]);
                let (bar, offset) = device::place(address);
                self.awake(bar, offset, true)?;
                self.write_device(bar, offset, n as u8, u64::from_le_bytes(word));
                Ok(())
            }
            FaultCause::Flags(flags) => {
                self.special(address, N, Access::Write, flags, fault)?;
                self.memory.poke(address, &bytes);
                Ok(())
            }
            _ => Err(BusStop::Fault(fault)),
        }
    }

    fn special(
        &mut self,
        address: u64,
        bytes: usize,
        access: Access,
        flags: u16,
        fault: Fault,
    ) -> Result<(), BusStop> {
        let mut allow = 0;
        if flags & USER != 0 && self.user_allowed(address, bytes as u64) {
            allow |= USER;
        }
        if flags & TRACKED != 0 {
            allow |= TRACKED;
        }
        if allow == 0 {
            return Err(BusStop::Fault(fault));
        }
        self.memory.check_allowing(address, bytes as u64, access, allow).map_err(BusStop::Fault)?;
        if flags & TRACKED != 0 {
            self.pass(What::Memory(address, bytes as u8, access))?;
        }
        Ok(())
    }
}

impl Default for GuestBus {
    fn default() -> Self {
        GuestBus::new()
    }
}

macro_rules! accesses {
    ($($load:ident $store:ident $type:ty;)*) => {$(
        #[inline(always)]
        fn $load(&mut self, address: u64) -> Result<$type, BusStop> {
            match self.memory.load(address) {
                Ok(bytes) => Ok(<$type>::from_le_bytes(bytes)),
                Err(fault) => self.load_special(address, fault).map(<$type>::from_le_bytes),
            }
        }

        #[inline(always)]
        fn $store(&mut self, address: u64, value: $type) -> Result<(), BusStop> {
            match self.memory.store(address, value.to_le_bytes()) {
                Ok(()) => Ok(()),
                Err(fault) => self.store_special(address, value.to_le_bytes(), fault),
            }
        }
    )*};
}

impl cpu::Bus for GuestBus {
    type Stop = BusStop;

    accesses! {
        load8 store8 u8;
        load16 store16 u16;
        load32 store32 u32;
        load64 store64 u64;
        load128 store128 u128;
    }

    #[inline(always)]
    fn quick_load<const N: usize>(&mut self, address: u64) -> Option<[u8; N]> {
        self.memory.load_here(address)
    }

    #[inline(always)]
    fn quick_store<const N: usize>(&mut self, address: u64, bytes: [u8; N]) -> bool {
        self.memory.store_here(address, bytes)
    }

    fn fetch(&mut self, address: u64, into: &mut [u8; 15]) -> Result<usize, BusStop> {
        self.memory.check(address, 1, Access::Execute).map_err(BusStop::Fault)?;
        let mut count = 1;
        while count < into.len()
            && self.memory.check(address + count as u64, 1, Access::Execute).is_ok()
        {
            count += 1;
        }
        Ok(self.memory.peek(address, &mut into[..count]))
    }

    #[inline]
    fn interlocked(&mut self, address: u64, _size: u8) -> Result<(), BusStop> {
        self.pass(What::Interlocked(address))
    }

    fn port_in(&mut self, port: u16, size: u8) -> Result<u32, BusStop> {
        let Some((bar, offset)) = device::port(&self.card, port) else {
            return Err(BusStop::Port(port));
        };
        self.pass(What::Port(port))?;
        self.awake(bar, offset, false)?;
        Ok(self.read_device(bar, offset, size) as u32)
    }

    fn port_out(&mut self, port: u16, size: u8, value: u32) -> Result<(), BusStop> {
        let Some((bar, offset)) = device::port(&self.card, port) else {
            return Err(BusStop::Port(port));
        };
        self.pass(What::Port(port))?;
        self.awake(bar, offset, true)?;
        self.write_device(bar, offset, size, u64::from(value));
        Ok(())
    }

    fn read_cr8(&mut self) -> Result<u64, BusStop> {
        Ok(u64::from(self.irql))
    }

    fn write_cr8(&mut self, value: u64) -> Result<(), BusStop> {
        if std::mem::take(&mut self.cr8_done) { Ok(()) } else { Err(BusStop::Cr8(value)) }
    }

    fn rdtsc(&mut self) -> Result<u64, BusStop> {
        self.ticks += 100;
        Ok(self.ticks)
    }

    fn tsc_aux(&mut self) -> Result<u32, BusStop> {
        Ok(u32::from(self.processor))
    }

    /// A plain x86-64 processor without anything optional that drivers ask for: vendor
    /// `GenuineIntel`, family 6, SSE2, no AVX, no hypervisor.
    fn cpuid(&mut self, leaf: u32, _subleaf: u32) -> Result<[u32; 4], BusStop> {
        Ok(match leaf {
            0 => [1, 0x756e_6547, 0x6c65_746e, 0x4965_6e69],
            1 => [0x0003_06a9, u32::from(self.processor) << 24, 1 << 13, 0x0789_fbff],
            0x8000_0000 => [0x8000_0001, 0, 0, 0],
            0x8000_0001 => [0, 0, 1, 0x2810_0800],
            _ => [0; 4],
        })
    }

    fn pause(&mut self) -> Result<(), BusStop> {
        self.pass(What::Pause)
    }
}
