//! A bug check with its four parameters, explained.

use super::case::Case;
use super::entry::BugCheck;
use super::kind::{Kind, Slot};
use super::render;

/// A bug check that has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Code that was asked for.
    pub code: u32,
    /// Name.
    pub name: String,
    /// What has happened; empty if only the name is known.
    pub means: String,
    /// What the parameter that says more says, where there is one and its value is known.
    pub sub_code: Option<SubCode>,
    /// The four parameters.
    pub parameters: Vec<Parameter>,
    /// Where it usually comes from.
    pub cause: String,
    /// What to do.
    pub remedy: String,
    /// Page of the reference.
    pub link: String,
    /// The part of a failure bucket that comes before whose fault it is: `AV`, `0x9F_3`,
    /// `0xc4_62_LEAKED_POOL`.
    pub bucket: String,
    /// Whether it tells of broken hardware as a rule.
    pub is_hardware: bool,
}

/// A value of one or two parameters that tells kinds of a bug check apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubCode {
    /// Number of the first parameter that tells, from 1.
    pub parameter: usize,
    /// Its value.
    pub value: u64,
    /// What it says.
    pub meaning: String,
}

/// One parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The value.
    pub value: u64,
    /// What it is, for this code and sub-code.
    pub meaning: String,
    /// What it is a kind of.
    pub kind: Kind,
    /// What this value says beyond its digits, such as `DISPATCH_LEVEL`; may be empty.
    pub rendered: String,
}

impl BugCheck {
    /// Says what happened, given the parameters on a Windows of `bits` (32 or 64).
    #[must_use]
    pub fn explain(&self, parameters: [u64; 4], bits: u32) -> Explained {
        let cut = |value: u64| if bits == 32 { value & 0xFFFF_FFFF } else { value };
        let parameters = parameters.map(cut);
        let selecting: Vec<u64> =
            self.by.iter().map(|&index| self.selected(index, parameters[index])).collect();
        let case = self.cases.iter().find(|case| case.fits(&selecting));
        let mut slots: Vec<&Slot> = self.slots.iter().collect();
        if let Some(case) = case {
            let told = &self.by[..case.keys.len()];
            let others = (0..4).filter(|index| !told.contains(index));
            for (index, slot) in others.zip(&case.slots) {
                slots[index] = slot;
            }
        }
        let shown = |(index, slot): (usize, &Slot)| {
            let value = parameters[index];
            // A value is described for the general meaning of its parameter.
            let known = self.value(index, value).filter(|_| *slot == self.slots[index]);
            let rendered = match known {
                Some(text) => text.to_owned(),
                None => render::render(slot.kind, value, bits),
            };
            Parameter { value, meaning: slot.meaning.clone(), kind: slot.kind, rendered }
        };
        Explained {
            code: self.code,
            name: self.name.clone(),
            means: self.means.clone(),
            sub_code: case.map(|case| SubCode {
                parameter: self.by[0] + 1,
                value: parameters[self.by[0]],
                meaning: case.means.clone(),
            }),
            parameters: slots.into_iter().enumerate().map(shown).collect(),
            cause: self.cause.clone(),
            remedy: case.and_then(|case| case.remedy.clone()).unwrap_or(self.remedy.clone()),
            link: self.link.clone(),
            bucket: self.bucket_prefix(case, &selecting),
            is_hardware: self.blame.is_some(),
        }
    }

    /// As the debugger of Windows names failures: code and sub-code, unless the entry knows better.
    fn bucket_prefix(&self, case: Option<&Case>, selecting: &[u64]) -> String {
        if let Some(own) = case.and_then(|case| case.bucket.clone()) {
            return own;
        }
        match (&self.bucket, selecting.first()) {
            (Some(own), None) => own.clone(),
            (Some(own), Some(value)) => format!("{own}_{value:x}"),
            (None, None) => format!("0x{:X}", self.code),
            (None, Some(value)) => format!("0x{:X}_{value:x}", self.code),
        }
    }

    /// A status comes sign-extended to 64 bits; only its 32 are compared.
    fn selected(&self, index: usize, value: u64) -> u64 {
        if self.slots[index].kind == Kind::Status { value & 0xFFFF_FFFF } else { value }
    }

    fn value(&self, index: usize, value: u64) -> Option<&str> {
        let value = self.selected(index, value);
        self.values[index].iter().find(|known| known.0 == value).map(|known| known.1.as_str())
    }
}
