//! Structures of the NT kernel as x64 drivers see them: offsets and sizes in bytes.
//!
//! Each structure is a module named after it in lower case ([`irp`], [`io_stack_location`]); each
//! field a constant named after its path (`Tail.Overlay.ListEntry` is
//! [`irp::TAIL_OVERLAY_LIST_ENTRY`]); `SIZE` is the whole structure, a field that is itself called
//! `Size` is `SIZE_FIELD`. Members of unnamed unions carry no prefix. An array that ends a
//! structure counts with one element, as `sizeof` counts it.
//!
//! The numbers are those of the Windows 10 DDK headers; `tests/layout_headers.rs` holds them
//! against mingw-w64's headers and lists each difference with its reason.

/// A structure with its fields, for checks and for showing memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Struct {
    /// C name, such as `IO_STACK_LOCATION`.
    pub name: &'static str,
    /// Header that declares it; `private` or `opaque` where no public header does.
    pub source: &'static str,
    /// Size in bytes.
    pub size: u64,
    /// Fields: path in C, offset and size in bytes. Members of unions overlap; size 0 marks what
    /// begins where the part described here ends.
    pub fields: &'static [(&'static str, u64, u64)],
}

impl Struct {
    /// Offset and size in bytes of the field with this C path.
    #[must_use]
    pub fn field(&self, path: &str) -> Option<(u64, u64)> {
        self.fields.iter().find(|f| f.0 == path).map(|f| (f.1, f.2))
    }

    /// The smallest field that covers the byte at `offset`, the first of equals.
    #[must_use]
    pub fn field_at(&self, offset: u64) -> Option<&'static str> {
        let covers = |f: &&(&str, u64, u64)| f.1 <= offset && offset - f.1 < f.2;
        self.fields.iter().filter(covers).min_by_key(|f| f.2).map(|f| f.0)
    }
}

/// The structure with this C name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Struct> {
    ALL.iter().find(|s| s.name == name)
}

macro_rules! layouts {
    ($(
        $(#[$doc:meta])*
        $module:ident = $name:literal, $source:literal, $size:literal {
            $($constant:ident = $field:literal, $offset:literal, $length:literal;)*
        }
    )*) => {
        $(
            $(#[$doc])*
            #[doc = concat!("\n\n`", $name, "`; source: ", $source, ".")]
            pub mod $module {
                #[doc = concat!("Size of `", $name, "` in bytes.")]
                pub const SIZE: u64 = $size;
                $(
                    #[doc = concat!("Offset of `", $field, "`, ", $length, " bytes.")]
                    pub const $constant: u64 = $offset;
                )*
            }
        )*
        pub(super) const TABLE: &[super::Struct] = &[$(super::Struct {
            name: $name,
            source: $source,
            size: $module::SIZE,
            fields: &[$(($field, $module::$constant, $length)),*],
        }),*];
    };
}

macro_rules! groups {
    ($($group:ident)*) => {
        $(mod $group; pub use $group::*;)*
        const TABLES: &[&[Struct]] = &[$($group::TABLE),*];
    };
}

groups! {
    base dispatcher request object memory resources pnp files registry processor exception security
    tables wmi
}

const COUNT: usize = {
    let (mut n, mut i) = (0, 0);
    while i < TABLES.len() {
        n += TABLES[i].len();
        i += 1;
    }
    n
};

/// Every structure of this module.
pub static ALL: &[Struct] = &JOINED;

static JOINED: [Struct; COUNT] = {
    let mut all = [TABLES[0][0]; COUNT];
    let (mut n, mut i) = (0, 0);
    while i < TABLES.len() {
        let mut j = 0;
        while j < TABLES[i].len() {
            all[n] = TABLES[i][j];
            n += 1;
            j += 1;
        }
        i += 1;
    }
    all
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_lie_inside_their_structures() {
        for s in ALL {
            for &(field, offset, size) in s.fields {
                assert!(offset + size <= s.size, "{}.{field}", s.name);
            }
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = ALL.iter().map(|s| s.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
        for s in ALL {
            let mut fields: Vec<_> = s.fields.iter().map(|f| f.0).collect();
            fields.sort_unstable();
            fields.dedup();
            assert_eq!(fields.len(), s.fields.len(), "{}", s.name);
        }
    }

    #[test]
    fn the_places_every_driver_relies_on() {
        assert_eq!(device_object::SIZE, 0x150);
        assert_eq!(device_object::DEVICE_EXTENSION, 0x40);
        assert_eq!(driver_object::MAJOR_FUNCTION, 0x70);
        assert_eq!(irp::SIZE, 0xD0);
        assert_eq!(irp::TAIL_OVERLAY_CURRENT_STACK_LOCATION, 0xB8);
        assert_eq!(io_stack_location::SIZE, 0x48);
        assert_eq!(io_stack_location::PARAMETERS_DEVICE_IO_CONTROL_IO_CONTROL_CODE, 0x18);
        assert_eq!(kpcr::CURRENT_PRCB, 0x20);
        assert_eq!(kpcr::PRCB + kprcb::CURRENT_THREAD, 0x188);
        assert_eq!(kuser_shared_data::TICK_COUNT, 0x320);
        assert_eq!(cm_partial_resource_descriptor::SIZE, 0x14);
    }

    #[test]
    fn fields_are_found_by_name_and_by_place() {
        let irp = find("IRP").expect("IRP is in the table");
        assert_eq!(irp.field("IoStatus.Information"), Some((irp::IO_STATUS_INFORMATION, 8)));
        assert_eq!(irp.field_at(0x30), Some("IoStatus.Status"));
        assert_eq!(irp.field_at(irp::SIZE), None);
        assert_eq!(find("NO_SUCH"), None);
    }
}
