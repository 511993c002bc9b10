//! Sub-codes: values of a parameter that say what the others mean.

use super::kind::Slot;

/// A sub-code as the data has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// For each selecting parameter in turn the values that fit: ranges, ends included.
    pub keys: Vec<Vec<(u64, u64)>>,
    /// What it says.
    pub means: String,
    /// The parameters that do not select, in order; empty if they are as in general.
    pub slots: Vec<Slot>,
    /// What to do, where that differs from the general advice.
    pub remedy: Option<String>,
    /// What a failure bucket says of it, `LEAKED_POOL`.
    pub bucket: Option<String>,
}

impl Case {
    /// Whether `values` of the selecting parameters, as many as this case looks at, are its own.
    pub fn fits(&self, values: &[u64]) -> bool {
        self.keys.len() <= values.len()
            && self.keys.iter().zip(values).all(|(ranges, value)| {
                ranges.iter().any(|(low, high)| (low..=high).contains(&value))
            })
    }
}

/// Reads a key: `0x62`, `0x13-0x14`, `0x1 0x2 0x4`, and with a second parameter `0xF/0x1`.
///
/// # Errors
/// What is wrong with it.
pub fn keys(text: &str) -> Result<Vec<Vec<(u64, u64)>>, String> {
    text.split('/').map(|part| part.split_whitespace().map(range).collect()).collect()
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let (low, high) = (number(low)?, number(high)?);
    if low > high { Err(format!("{text} is no range")) } else { Ok((low, high)) }
}

/// A number as keys have it, hexadecimal with 0x or decimal.
pub fn number(text: &str) -> Result<u64, String> {
    let read = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    read.map_err(|_| format!("`{text}` is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_values_lists_ranges_and_pairs() {
        assert_eq!(keys("0x62"), Ok(vec![vec![(0x62, 0x62)]]));
        assert_eq!(keys("0x1 0x4-0x6"), Ok(vec![vec![(1, 1), (4, 6)]]));
        assert_eq!(keys("0xF/0x2"), Ok(vec![vec![(15, 15)], vec![(2, 2)]]));
        assert!(keys("x").is_err() && keys("0x6-0x4").is_err());
    }
}
