//! Ranks of drivers, bit by bit: 0xSSGGTHHH.
//!
//! <https://learn.microsoft.com/windows-hardware/drivers/install/how-windows-ranks-driver-packages>

use serde::Serialize;

/// A driver's rank for a device; the lower the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank(pub u32);

/// Which identifiers met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Match {
    /// A hardware ID of the device, the hardware ID of the INF's line.
    HardwareHardware,
    /// A hardware ID of the device, a compatible ID of the INF's line.
    HardwareCompatible,
    /// A compatible ID of the device, the hardware ID of the INF's line.
    CompatibleHardware,
    /// A compatible ID of the device, a compatible ID of the INF's line.
    CompatibleCompatible,
    /// None of these.
    Unknown,
}

impl Rank {
    /// Signature score, 0xSS: 0 is trusted, 0xFF is unknown or not signed.
    pub fn signature(self) -> u8 {
        (self.0 >> 24) as u8
    }

    /// Feature score, 0xGG: 0xFF where the INF has no FeatureScore.
    pub fn feature(self) -> u8 {
        (self.0 >> 16) as u8
    }

    /// Identifier score, 0xTHHH.
    pub fn identifier(self) -> u16 {
        (self.0 & 0xffff) as u16
    }

    /// Which identifiers met.
    pub fn matched(self) -> Match {
        match self.identifier() >> 12 {
            0 => Match::HardwareHardware,
            1 => Match::HardwareCompatible,
            2 => Match::CompatibleHardware,
            3 => Match::CompatibleCompatible,
            _ => Match::Unknown,
        }
    }

    /// Place of the device's identifier in its list, from 0.
    pub fn place(self) -> usize {
        let low = self.identifier() & 0xfff;
        usize::from(if self.matched() == Match::CompatibleCompatible { low & 0xff } else { low })
    }

    /// The signature score in words. The pages name the order, and 0xFF; the rest is said as it stands.
    pub fn signature_text(self) -> String {
        match self.signature() {
            0 => "signature trusted (0x00)".to_owned(),
            0xff => "signature unknown or missing (0xFF)".to_owned(),
            other => format!("signature not fully trusted (0x{other:02X})"),
        }
    }

    /// The feature score in words.
    pub fn feature_text(self) -> String {
        match self.feature() {
            0xff => "no feature score (0xFF)".to_owned(),
            other => format!("feature score 0x{other:02X}"),
        }
    }

    /// The identifier score in words.
    pub fn identifier_text(self) -> String {
        let nth = self.place() + 1;
        let low = usize::from(self.identifier() & 0xfff);
        match self.matched() {
            Match::HardwareHardware => {
                format!("the device's hardware ID {nth} is the INF line's hardware ID")
            }
            Match::HardwareCompatible => {
                format!("the device's hardware ID {nth} is a compatible ID of the INF line")
            }
            Match::CompatibleHardware => {
                format!("the device's compatible ID {nth} is the INF line's hardware ID")
            }
            Match::CompatibleCompatible => format!(
                "the device's compatible ID {nth} is compatible ID {} of the INF line",
                (low >> 8) + 1
            ),
            Match::Unknown => {
                format!("identifier score 0x{:04X}, of no documented kind", self.identifier())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_documentation() {
        let text = |rank| Rank(rank).identifier_text();
        assert_eq!(text(0x00ff_0001), "the device's hardware ID 2 is the INF line's hardware ID");
        assert_eq!(
            text(0x00ff_1001),
            "the device's hardware ID 2 is a compatible ID of the INF line"
        );
        assert_eq!(text(0x00ff_2000), "the device's compatible ID 1 is the INF line's hardware ID");
        assert_eq!(
            text(0x00ff_3101),
            "the device's compatible ID 2 is compatible ID 2 of the INF line"
        );
        assert!(text(0x00ff_4000).contains("0x4000"));
    }

    #[test]
    fn the_three_scores() {
        let rank = Rank(0x80fd_2003);
        assert_eq!((rank.signature(), rank.feature(), rank.identifier()), (0x80, 0xfd, 0x2003));
        assert_eq!((rank.matched(), rank.place()), (Match::CompatibleHardware, 3));
        assert!(Rank(0x00ff_0000) < Rank(0x00ff_3000));
    }
}
