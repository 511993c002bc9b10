//! Where things lie in the guest's address space: a kernel half that looks like a real one.

/// Base of the simulated ntoskrnl: its services are places in this range that the interpreter does
/// not execute but hands over.
pub const KERNEL_CODE: u64 = 0xffff_f801_2000_0000;
/// Bytes of [`KERNEL_CODE`].
pub const KERNEL_CODE_BYTES: u64 = 0x0080_0000;
/// Address of the first service; one every [`SERVICE_STRIDE`] bytes.
pub const FIRST_SERVICE: u64 = KERNEL_CODE + 0x1000;
/// Bytes between services.
pub const SERVICE_STRIDE: u64 = 16;
/// Where a call made by the kernel returns to.
pub const RETURN: u64 = KERNEL_CODE + 0x10;
/// The kernel's exported variables.
pub const KERNEL_DATA: u64 = 0xffff_f801_2100_0000;
/// Bytes of [`KERNEL_DATA`].
pub const KERNEL_DATA_BYTES: u64 = 0x4000;
/// First driver image; one every [`IMAGE_STRIDE`] bytes.
pub const IMAGES: u64 = 0xffff_f801_4000_0000;
/// Bytes between images: the most an image may take.
pub const IMAGE_STRIDE: u64 = 0x1000_0000;
/// Processor control regions; one every [`PCR_STRIDE`] bytes.
pub const PCR: u64 = 0xffff_f801_1f00_0000;
/// Bytes between processor control regions.
pub const PCR_STRIDE: u64 = 0x1_0000;
/// KUSER_SHARED_DATA as the kernel sees it (wdm.h: KI_USER_SHARED_DATA).
pub const SHARED_DATA: u64 = 0xffff_f780_0000_0000;
/// Nonpaged pool, and the objects that the kernel keeps there.
pub const NONPAGED_POOL: u64 = 0xffff_9a0c_0000_0000;
/// Paged pool.
pub const PAGED_POOL: u64 = 0xffff_b30d_0000_0000;
/// Views of locked pages.
pub const LOCKED_PAGES: u64 = 0xffff_c480_0000_0000;
/// Mapped device registers.
pub const DEVICE_SPACE: u64 = 0xffff_aa80_0000_0000;
/// Kernel stacks; one every [`STACK_STRIDE`] bytes, the pages below it unmapped.
pub const STACKS: u64 = 0xffff_d58e_0001_0000;
/// Bytes between stacks.
pub const STACK_STRIDE: u64 = 0x1_0000;
/// Bytes of a kernel stack on x64: three pages of 8 KiB (KERNEL_STACK_SIZE 0x6000, ntddk.h).
pub const STACK_BYTES: u64 = 0x6000;
/// Buffers of the test's application.
pub const USER: u64 = 0x0000_021a_7c00_0000;
/// Most bytes of each pool: more is a limit of the bench, not the driver's fault.
pub const POOL_BYTES: u64 = 64 << 20;
/// Highest address of the user half plus one.
pub const USER_END: u64 = 0x0000_8000_0000_0000;
