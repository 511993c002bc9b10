//! ## What it does
//!
//! Forbids using more kernel stack than there is: 24 KiB on x64.
//!
//! ## Why is this bad?
//!
//! A kernel stack does not grow. Below it lies a guard page; the processor cannot even push the
//! page fault's frame, which is a double fault. Drivers above in the stack and the file system
//! have used part of it before.
//!
//! ## Example
//!
//! ```c
//!     UCHAR Buffer[16 * 1024];
//!
//!     ReadAll(Ext, Buffer);
//! ```
//!
//! Instead:
//!
//! ```c
//!     PUCHAR Buffer = ExAllocatePool2(POOL_FLAG_NON_PAGED, 16 * 1024, TAG);
//!
//!     if (Buffer) {
//!         ReadAll(Ext, Buffer);
//!         ExFreePoolWithTag(Buffer, TAG);
//!     }
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/using-the-kernel-stack>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x7f--unexpected-kernel-mode-trap>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Near, Rule, Violation};
use kernel::map;
use nt::bugcheck::UNEXPECTED_KERNEL_MODE_TRAP;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "kernel-stack-overflow",
    summary: "Forbids using more kernel stack than there is: 24 KiB on x64.",
    why: "A kernel stack does not grow. Below it lies a guard page; the processor cannot even \
        push the page fault's frame, which is a double fault. Drivers above in the stack \
        and the file system have used part of it before.",
    remedy: "Put buffers of more than a few hundred bytes into pool, turn recursion into a loop \
        or a queue, and do deep work in a work item, which starts on a fresh stack.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/using-the-kernel-stack",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x7f--unexpected-kernel-mode-trap",
    ],
    severity: Severity::Error,
    wants: &[Kind::Fault],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Fault { ref fault, near: Near::Stack, by } = *event else { return None };
    if fault.access == memory::Access::Execute {
        return None;
    }
    let rsp = words::register(world, 4);
    let bottom = map::STACKS + u64::from(world.state.current) * map::STACK_STRIDE;
    let own = bottom.wrapping_sub(map::STACK_STRIDE)..bottom + map::STACK_STRIDE;
    let who = words::toucher(world, by);
    let title = if fault.address < bottom && own.contains(&fault.address) {
        format!("{who} runs out of kernel stack in {}", words::who(world))
    } else {
        format!("{who} {} memory beyond a kernel stack", words::verb(fault.access))
    };
    let top = bottom + map::STACK_BYTES;
    let detail = format!(
        "{} of {} bytes are in use; the stack pointer is {rsp:#x}.",
        top.saturating_sub(rsp),
        map::STACK_BYTES
    );
    let violation = Violation::new(&RULE, title).detail(detail).bugcheck(
        UNEXPECTED_KERNEL_MODE_TRAP,
        [
            (8, "trap: double fault"),
            (0, "not documented"),
            (0, "not documented"),
            (0, "not documented"),
        ],
    );
    Some(violation.here("touched here"))
}
