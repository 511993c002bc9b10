//! Tests of devices that are described.

use super::*;

const GOOD: &str = r#"
name = "two"
[identity]
vendor = 0x4243
device = 0x1000
[[bar]]
space = "memory"
size = 0x100
[[bar]]
space = "ports"
size = 0x10
[[register]]
name = "STATUS"
offset = 0
access = "w1c"
[[register]]
name = "ENABLE"
offset = 4
size = 2
[[register]]
name = "COUNT"
offset = 6
size = 2
access = "ro"
reset = 7
[[register]]
name = "START"
bar = 1
offset = 0
size = 1
access = "wo"
[[doorbell]]
register = "START"
on = 0x80
sets = "STATUS"
bits = 1
counts = "COUNT"
[[acknowledge]]
register = "START"
on = 2
clears = "STATUS"
bits = 1
[interrupt]
register = "STATUS"
bits = 1
enable = "ENABLE"
"#;

struct Nowhere;

impl Bus for Nowhere {
    fn read(&mut self, _: u64, _: &mut [u8]) -> Result<(), Refused> {
        Err(Refused)
    }
    fn write(&mut self, _: u64, _: &[u8]) -> Result<(), Refused> {
        Err(Refused)
    }
}

#[test]
fn an_operation_ends_with_an_interrupt() {
    let kind = Arc::new(Described::parse(GOOD).unwrap());
    let mut device = kind.make();
    device.write(0, 4, 4, 0xffff_0001);
    assert_eq!(device.read(0, 4, 4), 0x0007_0001, "COUNT cannot be written");
    device.write(1, 0, 1, 0x7f);
    assert!(!device.pending());
    device.write(1, 0, 1, 0x80);
    assert_eq!((device.read(1, 0, 1), device.pending(), device.interrupts()), (0, true, 0));
    assert_eq!(device.step(&mut Nowhere), Ok("ends an operation"));
    assert_eq!((device.pending(), device.interrupts(), device.read(0, 6, 2)), (false, 1, 8));
    assert_eq!(device.read(0, 0, 8), 0x0008_0001_0000_0001);
    device.write(0, 0, 1, 1);
    assert_eq!(device.interrupts(), 0);
    device.write(1, 0, 1, 0x80);
    device.step(&mut Nowhere).unwrap();
    device.write(1, 0, 1, 1);
    assert_eq!(device.interrupts(), 1);
    device.write(1, 0, 1, 2);
    assert_eq!(device.interrupts(), 0, "acknowledged");
}

#[test]
fn what_is_wrong_is_said() {
    let replaced = |from: &str, to: &str| Described::parse(&GOOD.replacen(from, to, 1));
    for (from, to, says) in [
        ("size = 0x100", "size = 0x101", "power of two"),
        ("bar = 1", "bar = 2", "no bar 2"),
        ("offset = 6", "offset = 5", "overlap"),
        ("offset = 6", "offset = 0xff", "outside"),
        ("sets = \"STATUS\"", "sets = \"STATE\"", "no register called STATE"),
        ("access = \"wo\"", "access = \"maybe\"", "line 31"),
        ("vendor = 0x4243", "vendr = 0x4243", "line 4"),
        ("[identity]", "[identity", "line 3"),
    ] {
        let error = replaced(from, to).unwrap_err().to_string();
        assert!(error.contains(says), "{to}: {error}");
    }
}
