//! ## What it does
//!
//! Reports processor exceptions in driver code: failed assertions, fast-fail checks, breakpoints,
//! divisions by zero, invalid instructions.
//!
//! ## Why is this bad?
//!
//! Nobody handles them in the kernel, so the machine stops. Most are checks that the compiler or
//! the driver put there on purpose, and that found a corrupted list, a smashed stack or a broken
//! assumption.
//!
//! ## Example
//!
//! ```c
//!     Average = Ext->Sum / Ext->Count; /* 0 before the first sample */
//! ```
//!
//! Instead:
//!
//! ```c
//!     Average = Ext->Count ? Ext->Sum / Ext->Count : 0;
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x139--kernel-security-check-failure>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x7e--system-thread-exception-not-handled>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x1e--kmode-exception-not-handled>

use crate::{stops, words};
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use nt::bugcheck::KERNEL_SECURITY_CHECK_FAILURE;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "stop-instruction",
    summary: "Reports processor exceptions in driver code: failed assertions, fast-fail checks, \
        breakpoints, divisions by zero, invalid instructions.",
    why: "Nobody handles them in the kernel, so the machine stops. Most are checks that the \
        compiler or the driver put there on purpose, and that found a corrupted list, a \
        smashed stack or a broken assumption.",
    remedy: "Take the code as the check's message: it says what was found broken. Divisors and \
        lengths that come from outside must be checked before use; breakpoints do not \
        belong into a released driver.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x139--kernel-security-check-failure",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x7e--system-thread-exception-not-handled",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x1e--kmode-exception-not-handled",
    ],
    severity: Severity::Error,
    wants: &[Kind::Exception],
    check,
};

/// What `int 29h` finds, by the code in RCX (bug check 0x139).
const FAST_FAIL: &[(u64, &str)] = &[
    (0, "a stack buffer was overrun"),
    (1, "an object's table of virtual functions is invalid"),
    (2, "the stack cookie was overwritten: a stack buffer was overrun"),
    (3, "a LIST_ENTRY is corrupted, for example by removing it twice"),
    (5, "an invalid parameter was passed to a function that takes it as fatal"),
    (6, "the stack cookie was not initialised"),
    (7, "the program asked for a fatal exit"),
    (8, "an array index is out of bounds"),
    (9, "RtlQueryRegistryValues was called without a type check"),
    (10, "an indirect call leads to an invalid target"),
    (14, "an object's reference count is invalid"),
    (19, "read-only data was modified"),
    (28, "a buffer was accessed out of bounds"),
    (29, "an entry of a balanced tree is corrupted"),
    (37, "a switch jumped outside of its table"),
];

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Exception { vector } = *event else { return None };
    let driver = words::driver(world);
    let place = words::object(world, words::rip(world));
    if vector == 0x29 {
        let code = words::register(world, 1) & 0xffff_ffff;
        let known = FAST_FAIL.iter().find(|known| known.0 == code);
        let text = known.map_or_else(|| format!("code {code}"), |known| known.1.to_owned());
        let title = format!("{driver} stops itself at {place}: {text}");
        let violation = Violation::new(&RULE, title).bugcheck(
            KERNEL_SECURITY_CHECK_FAILURE,
            [
                (code, "kind of corruption"),
                (0, "trap frame (not simulated)"),
                (0, "exception record (not simulated)"),
                (0, "reserved"),
            ],
        );
        return Some(violation.here("stops here"));
    }
    let (status, text) = exception(vector);
    let title = format!("{driver} {text} at {place}");
    let violation = stops::exception(Violation::new(&RULE, title), world, status);
    Some(violation.here("stops here"))
}

/// Exception code that Windows makes of a vector, and what happened.
fn exception(vector: u8) -> (u32, &'static str) {
    match vector {
        0 => (0xc000_0094, "divides by zero, or the quotient does not fit,"),
        3 => (0x8000_0003, "runs into a breakpoint"),
        6 => (0xc000_001d, "runs into an invalid instruction"),
        0x2c => (0xc000_0420, "fails an assertion"),
        _ => (stops::ACCESS_VIOLATION, "causes a general protection fault"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_fast_fail_takes_its_code_from_rcx() {
        let mut world = World::new(2, &[]);
        world.state.current = 0;
        world.cpus[0].gpr[1] = 3;
        let violation = check(&Event::Exception { vector: 0x29 }, &world).expect("objects");
        assert_eq!((violation.code, violation.parameters[0].0), (0x139, 3));
        assert!(violation.title.contains("LIST_ENTRY"), "{}", violation.title);
    }

    #[test]
    fn each_exception_has_its_status() {
        let world = World::new(2, &[]);
        for (vector, status) in
            [(0, 0xc000_0094), (3, 0x8000_0003), (6, 0xc000_001d), (13, 0xc000_0005)]
        {
            let violation = check(&Event::Exception { vector }, &world).expect("objects");
            assert_eq!((violation.code, violation.parameters[0].0), (0x7e, status));
        }
    }
}
