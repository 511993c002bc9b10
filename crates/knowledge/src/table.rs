//! Tables of codes: `value, name, meaning`, one row a line, in rising order of value.

use std::sync::OnceLock;

/// A row: a value, one of its names, and what it means (may be empty).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The value.
    pub value: u32,
    /// A name of it; the first of several is the usual one.
    pub name: &'static str,
    /// What it means, or nothing.
    pub meaning: &'static str,
}

/// A table, parsed when a name is first looked for in it.
pub struct Table {
    text: &'static str,
    rows: OnceLock<Vec<Row>>,
}

impl Table {
    /// A table of this text.
    pub const fn new(text: &'static str) -> Self {
        Self { text, rows: OnceLock::new() }
    }

    /// Every row, in rising order of value.
    pub fn rows(&self) -> &[Row] {
        self.rows.get_or_init(|| self.text.lines().filter_map(row).collect())
    }

    /// The usual row of a value.
    pub fn get(&self, value: u32) -> Option<Row> {
        self.all(value).next()
    }

    /// Every row of a value, the usual one first. Looks through the text itself: reading ten thousand
    /// lines for one number would take longer than the rest of the program.
    pub fn all(&self, value: u32) -> impl Iterator<Item = Row> + use<> {
        let (mut low, mut high) = (0, self.text.len());
        // Between the two lies the first line whose value is not below `value`; heads are below all.
        while low < high {
            let middle = usize::midpoint(low, high);
            let start = self.text[..middle].rfind('\n').map_or(0, |end| end + 1);
            let end = self.text[start..].find('\n').map_or(self.text.len(), |end| start + end + 1);
            if row(self.text[start..end].trim_end()).is_none_or(|row| row.value < value) {
                low = end;
            } else {
                high = start;
            }
        }
        let rows = self.text[low..].lines().map_while(row);
        rows.take_while(move |row| row.value == value)
    }

    /// The row of a name, upper or lower case.
    pub fn by_name(&self, name: &str) -> Option<Row> {
        self.rows().iter().find(|row| row.name.eq_ignore_ascii_case(name)).copied()
    }
}

fn row(line: &'static str) -> Option<Row> {
    let mut fields = line.split('\t');
    let value = u32::from_str_radix(fields.next()?.strip_prefix("0x")?, 16).ok()?;
    Some(Row { value, name: fields.next()?, meaning: fields.next().unwrap_or_default() })
}

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident = $file:literal;)*) => {
        $(
            $(#[$doc])*
            pub static $name: Table = Table::new(include_str!(concat!("../../../knowledge/codes/", $file)));
        )*
        #[cfg(test)]
        static ALL: &[(&str, &Table)] = &[$(($file, &$name)),*];
    };
}

tables! {
    /// NTSTATUS.
    NTSTATUS = "ntstatus.tsv";
    /// Win32 errors.
    WIN32 = "win32.tsv";
    /// HRESULT.
    HRESULT = "hresult.tsv";
    /// SetupAPI errors, both forms.
    SETUPAPI = "setupapi.tsv";
    /// CONFIGRET.
    CONFIGRET = "configret.tsv";
    /// Device problem codes.
    CM_PROB = "cm-prob.tsv";
    /// Facilities of HRESULTs.
    FACILITY_HRESULT = "facility-hresult.tsv";
    /// Facilities of NTSTATUSes.
    FACILITY_NTSTATUS = "facility-ntstatus.tsv";
    /// Options of Driver Verifier.
    VERIFIER = "verifier.tsv";
}

/// Pool tags and their owners.
static POOL_TAGS: &str = include_str!("../../../knowledge/codes/pool-tags.tsv");

/// Owner of a well-known pool tag: its own row, or the row of its family, where `?` is any character.
pub fn pool_tag(tag: &str) -> Option<&'static str> {
    let rows = || POOL_TAGS.lines().filter_map(|line| line.split_once('\t'));
    let of_family = |family: &str| {
        family.len() == tag.len()
            && family.bytes().zip(tag.bytes()).all(|(any, own)| any == b'?' || any == own)
    };
    let own = rows().find(|row| row.0 == tag);
    own.or_else(|| rows().find(|row| row.0.contains('?') && of_family(row.0))).map(|row| row.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_in_order_and_once() {
        for (file, table) in ALL {
            let lines = table.text.lines().filter(|line| !line.starts_with('#')).count();
            assert!(lines > 5 && table.rows().len() == lines, "{file}");
            assert!(table.rows().windows(2).all(|two| two[0].value <= two[1].value), "{file}");
            let mut names: Vec<&str> = table.rows().iter().map(|row| row.name).collect();
            names.sort_unstable();
            let twice = names.windows(2).find(|two| two[0] == two[1]);
            assert!(twice.is_none() || *file == "verifier.tsv", "{file}: {twice:?}");
        }
    }

    #[test]
    fn values_are_found_without_reading_the_whole() {
        for (file, table) in ALL {
            for two in table.rows().chunk_by(|a, b| a.value == b.value) {
                assert!(table.all(two[0].value).eq(two.iter().copied()), "{file}: {two:?}");
                let next = two[0].value.wrapping_add(1);
                let is_there = table.rows().iter().any(|row| row.value == next);
                assert_eq!(table.get(next).is_some(), is_there, "{file}: {next:#x}");
            }
        }
        assert_eq!(Table::new("").get(1), None);
    }

    #[test]
    fn the_tables_agree_with_nt() {
        for &(value, name) in nt::status::ALL {
            assert_eq!(NTSTATUS.by_name(name).map(|row| row.value), Some(value), "{name}");
        }
    }

    #[test]
    fn tags_have_four_characters() {
        let rows = POOL_TAGS.lines().filter(|line| !line.starts_with('#'));
        for line in rows {
            let (tag, owner) = line.split_once('\t').unwrap();
            assert!(tag.len() == 4 && !owner.is_empty(), "{line}");
        }
        assert!(pool_tag("Irp ").is_some_and(|owner| owner.contains("requests")));
        assert!(pool_tag("CM25").is_some_and(|owner| owner.contains("registry")));
        assert_eq!(pool_tag("Qzx?"), None);
    }
}
