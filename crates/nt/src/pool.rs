//! Kernel pool: types, flags and tags.
//!
//! Source: `POOL_TYPE` and `POOL_FLAGS` in wdm.h and the WDK reference.

use std::fmt::Write as _;

macro_rules! values {
    ($(#[$doc:meta])* $table:ident: $type:ty { $($name:ident = $value:literal, $c:literal;)* }) => {
        $(
            #[doc = concat!("`", $c, "`")]
            pub const $name: $type = $value;
        )*
        $(#[$doc])*
        pub const $table: &[($type, &str)] = &[$(($value, $c)),*];
    };
}

values! {
    /// Pool types with their names.
    TYPES: u32 {
        NON_PAGED_POOL = 0, "NonPagedPool";
        PAGED_POOL = 1, "PagedPool";
        NON_PAGED_POOL_MUST_SUCCEED = 2, "NonPagedPoolMustSucceed";
        NON_PAGED_POOL_CACHE_ALIGNED = 4, "NonPagedPoolCacheAligned";
        PAGED_POOL_CACHE_ALIGNED = 5, "PagedPoolCacheAligned";
        NON_PAGED_POOL_CACHE_ALIGNED_MUST_S = 6, "NonPagedPoolCacheAlignedMustS";
        NON_PAGED_POOL_SESSION = 32, "NonPagedPoolSession";
        PAGED_POOL_SESSION = 33, "PagedPoolSession";
        NON_PAGED_POOL_NX = 512, "NonPagedPoolNx";
        NON_PAGED_POOL_NX_CACHE_ALIGNED = 516, "NonPagedPoolNxCacheAligned";
        NON_PAGED_POOL_SESSION_NX = 544, "NonPagedPoolSessionNx";
    }
}

values! {
    /// Bits that may be or'ed to a pool type, with their names.
    TYPE_MODIFIERS: u32 {
        POOL_QUOTA_FAIL_INSTEAD_OF_RAISE = 8, "POOL_QUOTA_FAIL_INSTEAD_OF_RAISE";
        POOL_RAISE_IF_ALLOCATION_FAILURE = 16, "POOL_RAISE_IF_ALLOCATION_FAILURE";
        POOL_COLD_ALLOCATION = 256, "POOL_COLD_ALLOCATION";
        POOL_ZERO_ALLOCATION = 1024, "POOL_ZERO_ALLOCATION";
    }
}

values! {
    /// Flags of `ExAllocatePool2`. Those in the low 32 bits must be obeyed, the others may be.
    FLAGS: u64 {
        POOL_FLAG_USE_QUOTA = 0x1, "POOL_FLAG_USE_QUOTA";
        POOL_FLAG_UNINITIALIZED = 0x2, "POOL_FLAG_UNINITIALIZED";
        POOL_FLAG_SESSION = 0x4, "POOL_FLAG_SESSION";
        POOL_FLAG_CACHE_ALIGNED = 0x8, "POOL_FLAG_CACHE_ALIGNED";
        POOL_FLAG_RESERVED1 = 0x10, "POOL_FLAG_RESERVED1";
        POOL_FLAG_RAISE_ON_FAILURE = 0x20, "POOL_FLAG_RAISE_ON_FAILURE";
        POOL_FLAG_NON_PAGED = 0x40, "POOL_FLAG_NON_PAGED";
        POOL_FLAG_NON_PAGED_EXECUTE = 0x80, "POOL_FLAG_NON_PAGED_EXECUTE";
        POOL_FLAG_PAGED = 0x100, "POOL_FLAG_PAGED";
        POOL_FLAG_RESERVED2 = 0x200, "POOL_FLAG_RESERVED2";
        POOL_FLAG_RESERVED3 = 0x400, "POOL_FLAG_RESERVED3";
        POOL_FLAG_SPECIAL_POOL = 0x1_0000_0000, "POOL_FLAG_SPECIAL_POOL";
    }
}

/// The bits of a pool type that are no modifiers.
const TYPE_MASK: u32 = 0x227;

/// Whether memory of this type may be paged out.
#[must_use]
pub const fn is_paged(pool_type: u32) -> bool {
    pool_type & 1 == PAGED_POOL
}

/// Whether code may not be executed in memory of this type.
#[must_use]
pub const fn is_no_execute(pool_type: u32) -> bool {
    is_paged(pool_type) || pool_type & NON_PAGED_POOL_NX != 0
}

/// The type with its modifiers: `NonPagedPoolNx | POOL_ZERO_ALLOCATION`.
#[must_use]
pub fn type_text(pool_type: u32) -> String {
    let kind = pool_type & TYPE_MASK;
    let name = TYPES.iter().find(|t| t.0 == kind).map(|t| t.1.to_owned());
    let mut text = name.unwrap_or_else(|| format!("POOL_TYPE {kind}"));
    let mut rest = pool_type & !TYPE_MASK;
    for &(bit, name) in TYPE_MODIFIERS.iter().filter(|m| pool_type & m.0 != 0) {
        text.push_str(" | ");
        text.push_str(name);
        rest &= !bit;
    }
    if rest != 0 {
        let _ = write!(text, " | 0x{rest:X}");
    }
    text
}

/// Flags of `ExAllocatePool2` by name; unnamed bits as one hexadecimal number.
#[must_use]
pub fn flags_text(flags: u64) -> String {
    let mut parts: Vec<_> =
        FLAGS.iter().filter(|f| flags & f.0 != 0).map(|f| f.1.to_owned()).collect();
    let rest = FLAGS.iter().fold(flags, |rest, f| rest & !f.0);
    if rest != 0 || parts.is_empty() {
        parts.push(if rest == 0 { "0".to_owned() } else { format!("0x{rest:X}") });
    }
    parts.join(" | ")
}

/// A pool tag as debuggers show it: its bytes from the lowest on, a dot for what cannot be printed.
#[must_use]
pub fn tag_text(tag: u32) -> String {
    let shown = |b: u8| if b.is_ascii_graphic() || b == b' ' { b as char } else { '.' };
    tag.to_le_bytes().map(shown).iter().collect()
}

/// The tag whose bytes in memory are these characters.
#[must_use]
pub const fn tag(text: [u8; 4]) -> u32 {
    u32::from_le_bytes(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_shown_with_their_modifiers() {
        assert_eq!(type_text(NON_PAGED_POOL_NX), "NonPagedPoolNx");
        let zeroed = type_text(PAGED_POOL | POOL_ZERO_ALLOCATION);
        assert_eq!(zeroed, "PagedPool | POOL_ZERO_ALLOCATION");
        assert_eq!(type_text(3 | 0x8000), "POOL_TYPE 3 | 0x8000");
        for &(value, name) in TYPES {
            assert_eq!(type_text(value), name);
        }
    }

    #[test]
    fn paging_and_execution_follow_from_the_type() {
        assert!(is_paged(PAGED_POOL_SESSION) && !is_paged(NON_PAGED_POOL_NX));
        assert!(is_no_execute(PAGED_POOL) && is_no_execute(NON_PAGED_POOL_NX));
        assert!(!is_no_execute(NON_PAGED_POOL));
    }

    #[test]
    fn flags_are_shown_by_name() {
        let text = flags_text(POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED | 0x8_0000);
        assert_eq!(text, "POOL_FLAG_UNINITIALIZED | POOL_FLAG_NON_PAGED | 0x80000");
        assert_eq!(flags_text(0), "0");
    }

    #[test]
    fn tags_read_from_the_lowest_byte() {
        assert_eq!(tag_text(0x6F66_6946), "Fifo");
        assert_eq!(tag(*b"Fifo"), 0x6F66_6946);
        assert_eq!(tag_text(0x0041_8042), "B.A.");
    }
}
