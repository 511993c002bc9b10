//! Drivers that were to choose from, and why one of them won.
//!
//! <https://learn.microsoft.com/windows-hardware/drivers/install/overview-of-the-driver-selection-process>

use super::rank::Rank;
use serde::{Serialize, Serializer};

/// A driver that fits the device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// INF, as the log has it.
    pub inf: String,
    /// The INF line's identifier that fits.
    pub id: String,
    /// What it calls the device.
    pub description: String,
    /// Install section.
    pub section: String,
    /// Provider, where the log has it.
    pub provider: String,
    /// Rank.
    #[serde(serialize_with = "rank")]
    pub rank: Option<Rank>,
    /// The rank in words: signature, feature, identifier.
    pub rank_parts: Vec<String>,
    /// Who signed, in the log's words.
    pub signer: String,
    /// Date of DriverVer, month first.
    pub date: String,
    /// Version of DriverVer.
    pub version: String,
    /// What the log says came of it: `Outranked`.
    pub status: String,
    /// Whether it was selected.
    pub won: bool,
    /// Why it won or lost.
    pub why: String,
}

fn rank<S: Serializer>(rank: &Option<Rank>, to: S) -> Result<S::Ok, S::Error> {
    match rank {
        Some(rank) => to.collect_str(&format_args!("0x{:08x}", rank.0)),
        None => to.serialize_none(),
    }
}

impl Candidate {
    /// Takes a field of the log; false if it is none of a driver.
    pub fn take(&mut self, name: &str, value: &str) -> bool {
        let value = value.trim().trim_start_matches('[').trim_end_matches(']');
        let set = |field: &mut String| value.clone_into(field);
        match name {
            "HardwareID" => set(&mut self.id),
            "InfName" | "InfFile" | "Driver INF" => set(&mut self.inf),
            "DevDesc" | "Description" => set(&mut self.description),
            "Section" | "ActualSec" => set(&mut self.section),
            "InstallSec" if self.section.is_empty() => set(&mut self.section),
            "Provider" => set(&mut self.provider),
            "Rank" | "Driver Rank" => {
                let digits = value.trim_start_matches("0x");
                self.rank = u32::from_str_radix(digits, 16).ok().map(Rank);
                self.rank_parts = self
                    .rank
                    .map(|rank| {
                        vec![rank.signature_text(), rank.feature_text(), rank.identifier_text()]
                    })
                    .unwrap_or_default();
            }
            "Signer Score" | "Signer" => set(&mut self.signer),
            "DrvDate" | "Driver Date" => set(&mut self.date),
            "Version" => set(&mut self.version),
            "Driver Version" => match value.split_once(',') {
                Some((date, version)) => {
                    (self.date, self.version) = (date.trim().to_owned(), version.trim().to_owned());
                }
                None => set(&mut self.version),
            },
            "Configuration" => {
                let (id, section) = value.split_once(" [").unwrap_or((value, ""));
                self.id = id.trim().to_owned();
                self.section = section.trim_end_matches(']').to_owned();
            }
            "Status" => {
                set(&mut self.status);
                self.won |= value.contains("Selected");
            }
            _ => return false,
        }
        true
    }

    /// File name of the INF, in lower case.
    pub fn file(&self) -> String {
        let inf = self.inf.split_once(" (").map_or(&*self.inf, |(first, _)| first);
        file_name(inf).to_ascii_lowercase()
    }

    /// Rank, date and version for comparison: less is better.
    fn order(&self) -> (u32, std::cmp::Reverse<(u32, Vec<u32>)>) {
        let rank = self.rank.map_or(u32::MAX, |rank| rank.0);
        (rank, std::cmp::Reverse((day(&self.date), numbers(&self.version))))
    }
}

/// The last part of a path of Windows.
pub fn file_name(path: &str) -> &str {
    path.rsplit(['\\', '/']).next().unwrap_or(path)
}

/// `06/21/2006` as a number that grows; 0 if it is none.
fn day(date: &str) -> u32 {
    let parts: Vec<u32> = date.split('/').filter_map(|part| part.trim().parse().ok()).collect();
    match parts[..] {
        [month @ ..=12, day @ ..=31, year @ ..=9999] => (year * 16 + month) * 32 + day,
        _ => 0,
    }
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.trim().parse().unwrap_or(0)).collect()
}

/// An install section's name in lower case, without the platform behind it: logs write it both ways.
fn undecorated(section: &str) -> String {
    let low = section.to_ascii_lowercase();
    match low.rsplit_once('.') {
        Some((front, last)) if last.starts_with("nt") => front.to_owned(),
        _ => low,
    }
}

/// Marks the winner, and says of each why. `selected` is what the log says: INF and section.
pub fn judge(candidates: &mut [Candidate], selected: Option<(&str, &str)>) {
    if let Some((inf, section)) = selected {
        let file = file_name(inf).to_ascii_lowercase();
        // One version of a package is told from another by its folder in the driver store.
        let exact = candidates.iter().any(|it| it.inf.eq_ignore_ascii_case(inf));
        let named = |it: &Candidate| {
            let same = if exact { it.inf.eq_ignore_ascii_case(inf) } else { it.file() == file };
            same && (section.is_empty() || undecorated(&it.section) == undecorated(section))
        };
        let index = candidates
            .iter()
            .enumerate()
            .filter(|(_, it)| named(it))
            .min_by_key(|(_, it)| it.order())
            .map(|(index, _)| index);
        if let Some(index) = index {
            candidates.iter_mut().for_each(|it| it.won = false);
            candidates[index].won = true;
        }
    }
    let Some(winner) = candidates.iter().find(|it| it.won).cloned() else { return };
    let alone = candidates.len() == 1;
    for it in candidates.iter_mut() {
        it.why = if !it.won {
            lost(it, &winner)
        } else if alone {
            "the only driver that fits".to_owned()
        } else {
            "selected: the best of all".to_owned()
        };
    }
    // What a log says was selected need not be the best: a person may have chosen it.
    let best = candidates.iter().map(Candidate::order).min();
    if best.is_some_and(|best| best < winner.order())
        && let Some(it) = candidates.iter_mut().find(|it| it.won)
    {
        it.why =
            "selected, though by rank, date and version another one is better: somebody chose \
                  it, or the other one was refused"
                .to_owned();
    }
}

fn lost(it: &Candidate, winner: &Candidate) -> String {
    let (Some(own), Some(best)) = (it.rank, winner.rank) else {
        return "not selected; the log has no rank to compare".to_owned();
    };
    if own < best {
        return "better by rank, and still not selected: somebody chose the other one, or this one \
                was refused"
            .to_owned();
    }
    if own.signature() > best.signature() {
        return format!(
            "loses by its signature: score 0x{:02X} against 0x{:02X}, and less is better",
            own.signature(),
            best.signature()
        );
    }
    if own.feature() > best.feature() {
        return format!(
            "loses by its feature score: 0x{:02X} against 0x{:02X}, and less is better",
            own.feature(),
            best.feature()
        );
    }
    if own != best {
        return format!(
            "loses by its identifier: score 0x{:04X} against 0x{:04X} - {}, while of the winner {}",
            own.identifier(),
            best.identifier(),
            own.identifier_text(),
            best.identifier_text()
        );
    }
    let (mine, theirs) = (day(&it.date), day(&winner.date));
    if mine < theirs {
        return format!("same rank, but older: {} against {}", it.date, winner.date);
    }
    if mine == theirs && numbers(&it.version) < numbers(&winner.version) {
        return format!(
            "same rank and date, but a lower version: {} against {}",
            it.version, winner.version
        );
    }
    if it.order() == winner.order() {
        return "equal in rank, date and version: Windows may take either".to_owned();
    }
    "same rank and newer, and still not selected".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(inf: &str, rank: &str, date: &str, version: &str) -> Candidate {
        let mut it = Candidate::default();
        for (name, value) in
            [("InfName", inf), ("Rank", rank), ("DrvDate", date), ("Version", version)]
        {
            assert!(it.take(name, value));
        }
        it
    }

    fn reason(loser: Candidate) -> String {
        let winner = candidate(r"C:\a\win.inf", "0x00fe1001", "06/21/2006", "10.0.2.0");
        let mut both = [loser, winner];
        judge(&mut both, Some(("win.inf", "")));
        assert!(both[1].won && !both[0].won);
        both[0].why.clone()
    }

    #[test]
    fn each_reason_to_lose() {
        let of = |rank, date, version| reason(candidate("other.inf", rank, date, version));
        assert!(
            of("0x80fe1001", "06/21/2006", "10.0.2.0")
                .contains("signature: score 0x80 against 0x00")
        );
        assert!(
            of("0x00ff0000", "06/21/2006", "10.0.2.0").contains("feature score: 0xFF against 0xFE")
        );
        assert!(
            of("0x00fe2000", "06/21/2006", "10.0.2.0")
                .contains("identifier: score 0x2000 against 0x1001")
        );
        assert!(of("0x00fe1001", "12/31/2005", "10.0.9.0").contains("older: 12/31/2005"));
        assert!(of("0x00fe1001", "06/21/2006", "9.9.9.9").contains("lower version: 9.9.9.9"));
        assert!(of("0x00fe1001", "06/21/2006", "10.0.2.0").contains("either"));
        assert!(of("0x00fe1000", "06/21/2006", "10.0.2.0").contains("better by rank"));
    }

    #[test]
    fn the_winner_is_told_by_folder_and_by_section_without_its_platform() {
        let of = |folder: &str, version: &str| {
            let mut it =
                candidate(&format!(r"C:\{folder}\x.inf"), "0x00ff0001", "02/01/2024", version);
            assert!(it.take("Section", "X_Install.NTamd64"));
            it
        };
        let mut both = [of("new", "2.0"), of("old", "1.0")];
        judge(&mut both, Some((r"c:\OLD\x.inf", "x_install")));
        assert!(both[1].won && !both[0].won);
        assert!(both[1].why.contains("somebody chose it"), "{}", both[1].why);
    }

    #[test]
    fn fields_of_newer_logs() {
        let mut it = Candidate::default();
        for (name, value) in [
            ("Status", "Outranked"),
            ("Driver INF", r"input.inf (C:\x\input.inf)"),
            ("Driver Version", "06/21/2006,10.0.22475.1000"),
            ("Configuration", r"USB\Class_03&SubClass_01 [HID_Inst.NT]"),
            ("Driver Rank", "00FF3101"),
            ("Signer Score", "Inbox (0D000003)"),
        ] {
            assert!(it.take(name, value), "{name}");
        }
        assert_eq!((it.file().as_str(), it.section.as_str()), ("input.inf", "HID_Inst.NT"));
        assert_eq!((it.date.as_str(), it.version.as_str()), ("06/21/2006", "10.0.22475.1000"));
        assert_eq!((it.rank, it.won), (Some(Rank(0x00ff_3101)), false));
        assert!(!it.take("Anything", "else"));
    }
}
