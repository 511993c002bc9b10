//! Answers to WMI that are right, and some that are not.

use super::*;

/// Words at offsets, in a buffer of so many bytes.
fn buffer(bytes: usize, words: &[(u64, u32)]) -> Vec<u8> {
    let mut buffer = vec![0; bytes];
    for &(at, word) in words {
        buffer[at as usize..at as usize + 4].copy_from_slice(&word.to_le_bytes());
    }
    buffer
}

fn wrong<T: std::fmt::Debug>(answer: Result<T, String>, with: &str) {
    let told = answer.expect_err("something is wrong");
    assert!(told.contains(with), "{told}");
}

#[test]
fn a_registration_is_read_and_its_offsets_are_held_against_its_size() {
    const FIRST: u64 = info::SIZE;
    let good = [
        (info::BUFFER_SIZE, 0x60),
        (info::REGISTRY_PATH, 0x40),
        (info::GUID_COUNT, 1),
        (FIRST, 0x1122_3344),
        (FIRST + guid::FLAGS, INSTANCE_BASENAME),
        (FIRST + guid::INSTANCE_COUNT, 3),
        (FIRST + guid::BASE_NAME_OFFSET, 0x50),
        (0x40, 6),
        (0x50, 14),
    ];
    let blocks = registration(&buffer(0x80, &good), 0x60, 0).expect("fits");
    assert_eq!((blocks.len(), blocks[0].instances), (1, 3));
    assert_eq!(blocks[0].guid[..4], [0x44, 0x33, 0x22, 0x11]);
    let with = |at: u64, word: u32| {
        let words = [&good[..], &[(at, word)]].concat();
        registration(&buffer(0x80, &words), 0x60, 0x5000_0000_1234)
    };
    wrong(with(info::BUFFER_SIZE, 0x84), "WMIREGINFO");
    wrong(with(info::GUID_COUNT, u32::MAX), "blocks");
    wrong(with(info::REGISTRY_PATH, 0x5f), "odd offset");
    wrong(with(info::MOF_RESOURCE_NAME, 0x60), "MOF resource's name");
    wrong(with(0x50, 15), "instance names");
    wrong(with(FIRST + guid::FLAGS, INSTANCE_PDO), "physical device object");
    wrong(registration(&buffer(0x80, &good), 0x81, 0), "status block");
    let named = [(FIRST + guid::FLAGS, INSTANCE_PDO), (FIRST + guid::PDO, 0x1234)];
    let named = [&good[..], &named, &[(FIRST + guid::PDO + 4, 0x5000)]].concat();
    assert!(registration(&buffer(0x80, &named), 0x60, 0x5000_0000_1234).is_ok());
}

#[test]
fn all_instances_lie_inside() {
    let check = |words: &[(u64, u32)]| data(Kind::All, &buffer(0x80, words), 0x70, 0);
    let fixed = [
        (header::BUFFER_SIZE, 0x70),
        (header::FLAGS, FIXED_INSTANCE_SIZE),
        (all::DATA_BLOCK_OFFSET, 0x48),
        (all::INSTANCE_COUNT, 3),
        (all::FIXED_INSTANCE_SIZE, 12),
    ];
    // 16, 16 and 12 bytes end at 0x74.
    wrong(check(&fixed), "instances");
    let larger = [&fixed[..], &[(header::BUFFER_SIZE, 0x74)]].concat();
    assert_eq!(check(&larger), Ok(None));
    let table = [
        (header::BUFFER_SIZE, 0x70),
        (all::INSTANCE_COUNT, 2),
        (0x3c, 0x50),
        (0x40, 8),
        (0x44, 0x58),
        (0x48, 0x18),
    ];
    assert_eq!(check(&table), Ok(None));
    wrong(check(&[&table[..], &[(0x48, 0x19)]].concat()), "instance");
    wrong(check(&[&table[..], &[(0x44, 0x5c)]].concat()), "multiple of 8");
    wrong(check(&[&table[..], &[(all::INSTANCE_COUNT, u32::MAX)]].concat()), "table");
}

#[test]
fn one_instance_begins_where_it_was_said() {
    let words = [
        (header::BUFFER_SIZE, 0x48),
        (single::DATA_BLOCK_OFFSET, 0x40),
        (single::SIZE_DATA_BLOCK, 8),
    ];
    let check = |more: &[(u64, u32)], offset: u32| {
        data(Kind::Single, &buffer(0x48, &[&words[..], more].concat()), 0x48, offset)
    };
    assert_eq!(check(&[], 0x40), Ok(None));
    wrong(check(&[], 0x38), "DataBlockOffset");
    wrong(check(&[(single::SIZE_DATA_BLOCK, 9)], 0x40), "instance");
    let short = [(header::FLAGS, TOO_SMALL), (small::SIZE_NEEDED, 0x200)];
    assert_eq!(check(&short, 0x40), Ok(Some(0x200)));
    wrong(check(&[short[0], (small::SIZE_NEEDED, 0x48)], 0x40), "too few");
}
