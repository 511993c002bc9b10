//! What is there before any driver: memory, processor blocks, exported variables.

use crate::map;
use crate::world::World;
use memory::{NO_EXECUTE, NO_WRITE};
use nt::layout::{kpcr, kprcb, kuser_shared_data as shared};

/// `ret`: the control-flow-guard check of a kernel without it.
pub(crate) const GUARD_CHECK: u64 = map::KERNEL_DATA + map::KERNEL_DATA_BYTES;
/// `jmp rax`: likewise the dispatch.
pub(crate) const GUARD_DISPATCH: u64 = GUARD_CHECK + 16;

/// How far the value of `IoFileObjectType` and its like is from the variable.
pub(crate) const OBJECT_TYPE: u64 = 0x2000;

/// Bytes of user memory mapped from the start.
pub(crate) const USER_BYTES: u64 = 4 << 20;

/// The Windows version that drivers see: 10.0 build 19045, 64-bit.
pub const VERSION: (u32, u32, u32) = (10, 0, 19045);

/// Variables that ntoskrnl exports, with their bytes.
const VARIABLES: &[(&str, u64)] = &[
    ("IoFileObjectType", 8),
    ("IoDeviceObjectType", 8),
    ("IoDriverObjectType", 8),
    ("PsProcessType", 8),
    ("PsThreadType", 8),
    ("ExEventObjectType", 8),
    ("ExSemaphoreObjectType", 8),
    ("CmKeyObjectType", 8),
    ("SeTokenObjectType", 8),
    ("MmSectionObjectType", 8),
    ("PsInitialSystemProcess", 8),
    ("NtBuildNumber", 2),
    ("KeNumberProcessors", 1),
    ("InitSafeBootMode", 4),
    ("KdDebuggerEnabled", 1),
    ("KdDebuggerNotPresent", 1),
    ("MmHighestUserAddress", 8),
    ("MmSystemRangeStart", 8),
    ("MmUserProbeAddress", 8),
    ("HalDispatchTable", 8),
    ("SeExports", 8),
    ("KeTickCount", 8),
    ("NlsMbCodePageTag", 1),
];

pub(crate) fn boot(world: &mut World) {
    let memory = &mut world.bus.memory;
    memory.map(map::KERNEL_DATA, map::KERNEL_DATA_BYTES, NO_EXECUTE, true);
    memory.map(GUARD_CHECK, 0x1000, NO_WRITE, true);
    memory.poke(GUARD_CHECK, &[0xc3]);
    memory.poke(GUARD_DISPATCH, &[0xff, 0xe0]);
    for processor in 0..u64::from(world.processors) {
        let pcr = map::PCR + processor * map::PCR_STRIDE;
        memory.map(pcr, 0x1000, NO_EXECUTE, true);
        memory.poke64(pcr + kpcr::SELF, pcr);
        memory.poke64(pcr + kpcr::CURRENT_PRCB, pcr + kpcr::PRCB);
        memory.poke32(pcr + kpcr::PRCB + kprcb::NUMBER, processor as u32);
    }
    memory.map(map::SHARED_DATA, 0x1000, NO_WRITE | NO_EXECUTE, true);
    memory.poke32(map::SHARED_DATA + shared::NT_MAJOR_VERSION, VERSION.0);
    memory.poke32(map::SHARED_DATA + shared::NT_MINOR_VERSION, VERSION.1);
    memory.poke32(map::SHARED_DATA + shared::NT_BUILD_NUMBER, VERSION.2);
    // 15.625 ms a tick in units of 2^-24 ms.
    memory.poke32(map::SHARED_DATA + shared::TICK_COUNT_MULTIPLIER, 0x0fa0_0000);
    crate::device::map(world);
    variables(world);
    crate::se::exports::boot(world);
    crate::ps::thread::boot(world);
    crate::ke::time::publish(world);
}

fn variables(world: &mut World) {
    let mut at = map::KERNEL_DATA;
    for &(name, bytes) in VARIABLES {
        world.registry.add_data(name, at);
        let value = match name {
            "NtBuildNumber" => u64::from(VERSION.2),
            "KeNumberProcessors" => u64::from(world.processors),
            "KdDebuggerNotPresent" => 1,
            "MmHighestUserAddress" => map::USER_END - 0x1_0001,
            "MmSystemRangeStart" => 0xffff_8000_0000_0000,
            "MmUserProbeAddress" => map::USER_END - 0x1_0000,
            "PsInitialSystemProcess" => crate::ps::process::SYSTEM,
            "SeExports" => crate::se::exports::EXPORTS,
            // Object types: a value that only its own variable has.
            _ if name.ends_with("Type") => at + OBJECT_TYPE,
            _ => 0,
        };
        let word = value.to_le_bytes();
        world.bus.memory.poke(at, &word[..bytes as usize]);
        at += 16;
    }
}
