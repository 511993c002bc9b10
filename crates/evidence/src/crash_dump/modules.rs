//! Loaded and unloaded modules.

/// A `TimeDateStamp`, judged: a reproducible build has a hash of its content there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// Seconds since 1970, between 1990 and a day after the crash.
    Time(u32),
    /// No plausible time, hence taken for a hash of a reproducible build. A hash that happens to be
    /// a plausible time cannot be told from one here.
    Hash(u32),
    /// 0.
    Absent,
}

impl Stamp {
    /// Judges `stamp` of an image that was loaded at `crashed` (100 ns since 1601).
    #[must_use]
    pub fn judge(stamp: u32, crashed: Option<u64>) -> Self {
        const YEAR_1990: u32 = 631_152_000;
        const FROM_1601_TO_1970: u64 = 11_644_473_600;
        const DAY: u64 = 86_400;
        let latest = crashed.map_or(u64::from(u32::MAX), |time| {
            (time / 10_000_000).saturating_sub(FROM_1601_TO_1970) + DAY
        });
        match stamp {
            0 => Self::Absent,
            _ if stamp >= YEAR_1990 && u64::from(stamp) <= latest => Self::Time(stamp),
            _ => Self::Hash(stamp),
        }
    }

    /// The number as it stands in the image.
    #[must_use]
    pub fn raw(self) -> u32 {
        match self {
            Self::Time(stamp) | Self::Hash(stamp) => stamp,
            Self::Absent => 0,
        }
    }
}

/// A loaded module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Where its entry stands in the file; 0 for one found by walking memory.
    pub offset: u64,
    /// Its path, as loaded; empty where the dump does not hold it.
    pub path: String,
    /// Address of its first byte.
    pub base: u64,
    /// Bytes.
    pub size: u32,
    /// Its header's checksum.
    pub checksum: u32,
    /// Its header's time stamp.
    pub stamp: Stamp,
}

impl Module {
    /// The last part of the path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit(['\\', '/']).next().unwrap_or_default()
    }

    /// Whether `address` lies in it.
    #[must_use]
    pub fn contains(&self, address: u64) -> bool {
        address.checked_sub(self.base).is_some_and(|inside| inside < u64::from(self.size))
    }
}

/// A module that was unloaded before the crash. Its name is cut to twelve characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unloaded {
    /// Where its entry stands in the file.
    pub offset: u64,
    /// Its name.
    pub name: String,
    /// Address of its first byte.
    pub begin: u64,
    /// Address after its last byte.
    pub end: u64,
}
