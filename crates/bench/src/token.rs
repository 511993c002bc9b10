//! Replay tokens: `bc1:HASH:SCENARIO:SCHEDULE:PATH`, and `:DEVICE` after it where the driver ran
//! with another device than the default one, and then `:HASHrPATH` for each image beside the driver,
//! `r` being `l` for an export driver, `b` and `a` for a driver below and above, and `i` for the INF that
//! installed the driver: `HASH` is then that of what it set in the registry, and behind the path there are a
//! line feed and the install section.
//!
//! `HASH` is 8 hex digits of the driver image's FNV-1a hash, `SCENARIO` the scenario's name,
//! `SCHEDULE` the deviations (see `schedule::Schedule`), `PATH` the driver's path as it was given,
//! and `DEVICE` the device's name, with everything but letters, digits and `._/-` percent-encoded. No character needs quoting in a
//! shell.

use kernel::Role;
use schedule::Schedule;
use std::fmt;
use std::str::FromStr;

/// A run, named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Hash of the driver image.
    pub hash: u32,
    /// Scenario.
    pub scenario: String,
    /// Choices.
    pub schedule: Schedule,
    /// Path of the driver as it was given.
    pub path: String,
    /// Name of the device; empty for the default one.
    pub device: String,
    /// Images beside the driver, in their order.
    pub with: Vec<WithToken>,
    /// The INF that installed it.
    pub installed: Option<InstalledToken>,
}

/// An INF that installed the driver, as a token names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledToken {
    /// Hash of what it set in the registry.
    pub hash: u32,
    /// Path of the INF as it was given.
    pub inf: String,
    /// The install section, with its platform.
    pub section: String,
}

/// An image beside the driver, as a token names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithToken {
    /// Hash of the image.
    pub hash: u32,
    /// What it is loaded for.
    pub role: Role,
    /// Path of the image as it was given.
    pub path: String,
}

/// Letters of roles in tokens.
const ROLES: [(char, Role); 3] = [('l', Role::Library), ('b', Role::Below), ('a', Role::Above)];

/// FNV-1a, 64 bits folded to 32.
pub fn image_hash(image: &[u8]) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for &byte in image {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    (hash ^ (hash >> 32)) as u32
}

impl fmt::Display for Token {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "bc1:{:08x}:{}:{}:", self.hash, self.scenario, self.schedule)?;
        encode(&self.path, to)?;
        let alone = self.with.is_empty() && self.installed.is_none();
        if !self.device.is_empty() || !alone {
            to.write_str(":")?;
            encode(&self.device, to)?;
        }
        for WithToken { hash, role, path } in &self.with {
            let letter = ROLES.iter().find(|known| known.1 == *role).map_or('l', |known| known.0);
            write!(to, ":{hash:08x}{letter}")?;
            encode(path, to)?;
        }
        if let Some(InstalledToken { hash, inf, section }) = &self.installed {
            write!(to, ":{hash:08x}i")?;
            encode(&format!("{inf}\n{section}"), to)?;
        }
        Ok(())
    }
}

fn encode(text: &str, to: &mut fmt::Formatter<'_>) -> fmt::Result {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'/' | b'-' => {
                write!(to, "{}", char::from(byte))?;
            }
            _ => write!(to, "%{byte:02x}")?,
        }
    }
    Ok(())
}

/// A text that is no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadToken(String);

impl fmt::Display for BadToken {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "this is no replay token (bc1:HASH:SCENARIO:SCHEDULE:PATH): {}", self.0)
    }
}

impl FromStr for Token {
    type Err = BadToken;

    fn from_str(text: &str) -> Result<Token, BadToken> {
        let bad = |what: &str| BadToken(what.to_owned());
        let parts: Vec<&str> = text.trim().split(':').collect();
        let [version, hash, scenario, schedule, path, ref rest @ ..] = parts[..] else {
            return Err(bad("it has fewer than five parts"));
        };
        if version != "bc1" {
            return Err(bad("it does not start with bc1"));
        }
        let hash = u32::from_str_radix(hash, 16).map_err(|_| bad("its hash is no hex number"))?;
        let name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
        if scenario.is_empty() || !scenario.chars().all(name) {
            return Err(bad("its scenario's name has characters that no scenario has"));
        }
        let schedule = schedule.parse().map_err(|error: schedule::BadSchedule| {
            BadToken(format!("in its schedule, {error}"))
        })?;
        let path = decode(path).ok_or_else(|| bad("its path is not percent-encoded UTF-8"))?;
        let device = decode(rest.first().unwrap_or(&""));
        let device = device.ok_or_else(|| bad("its device is not percent-encoded UTF-8"))?;
        let mut beside = rest.get(1..).unwrap_or_default();
        let mut inf = None;
        if let [front @ .., last] = beside
            && last.as_bytes().get(8) == Some(&b'i')
        {
            inf = Some(installed(last).ok_or_else(|| bad("its INF is not told as HASHiPATH"))?);
            beside = front;
        }
        let with = beside.iter().map(|part| image(part)).collect::<Option<Vec<_>>>();
        let with =
            with.ok_or_else(|| bad("an image beside the driver is not told as HASHrPATH"))?;
        let scenario = scenario.to_owned();
        Ok(Token { hash, scenario, schedule, path, device, with, installed: inf })
    }
}

fn image(text: &str) -> Option<WithToken> {
    let hash = u32::from_str_radix(text.get(..8)?, 16).ok()?;
    let mut rest = text.get(8..)?.chars();
    let letter = rest.next()?;
    let role = ROLES.iter().find(|known| known.0 == letter)?.1;
    Some(WithToken { hash, role, path: decode(rest.as_str())? })
}

fn installed(text: &str) -> Option<InstalledToken> {
    let hash = u32::from_str_radix(text.get(..8)?, 16).ok()?;
    let both = decode(text.get(9..)?)?;
    let (inf, section) = both.rsplit_once('\n')?;
    Some(InstalledToken { hash, inf: inf.to_owned(), section: section.to_owned() })
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push((high * 16 + low) as u8);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_round_trip() {
        for (path, schedule) in [("a/b c.sys", "0"), ("drivers/ü%.sys", "3-1.40-31"), ("", "7-0")]
        {
            let token = Token {
                hash: 0xdead_beef,
                scenario: "read-cancel".to_owned(),
                schedule: schedule.parse().unwrap(),
                path: path.to_owned(),
                device: path.to_owned(),
                with: vec![WithToken { hash: 7, role: Role::Below, path: path.to_owned() }],
                installed: (!path.is_empty()).then(|| InstalledToken {
                    hash: 9,
                    inf: path.to_owned(),
                    section: "A_Install.NT".to_owned(),
                }),
            };
            let text = token.to_string();
            assert!(!text.contains([' ', '\'', '$', '*', '>']), "{text}");
            assert_eq!(text.parse::<Token>().unwrap(), token);
        }
    }

    #[test]
    fn broken_tokens_say_what_is_wrong() {
        for text in [
            "",
            "bc1",
            "bc2:0:a:0:x",
            "bc1:xyz:a:0:x",
            "bc1:0::0:x",
            "bc1:0:a:9:x",
            "bc1:0:a:0:%f",
            "bc1:0:a:0:x::1",
            "bc1:0:a:0:x::00000001ia.inf",
            "bc1:0:a:0:x::00000001ia.inf%0ab:00000001la.sys",
        ] {
            assert!(text.parse::<Token>().is_err(), "{text}");
        }
    }
}
