//! What a number or name means in one space.

use crate::space::Space;

/// A meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Where it means this.
    pub space: Space,
    /// The number.
    pub value: u64,
    /// Its name, or what stands for one.
    pub name: String,
    /// What it means, without a full stop; may be empty.
    pub meaning: String,
    /// More, in parts: label and text.
    pub details: Vec<(String, String)>,
    /// Page of the public reference.
    pub link: Option<String>,
    /// How likely it is meant, without context: 0 to 100.
    pub likelihood: u8,
}

impl Answer {
    /// An answer with a name and a meaning.
    pub fn new(space: Space, value: u64, name: impl Into<String>, likelihood: u8) -> Self {
        let (meaning, details) = (String::new(), Vec::new());
        Self { space, value, name: name.into(), meaning, details, link: None, likelihood }
    }

    /// With what it means.
    pub fn meaning(mut self, meaning: impl Into<String>) -> Self {
        self.meaning = meaning.into();
        self
    }

    /// With a part more, if it says something.
    pub fn detail(mut self, label: &str, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.details.push((label.to_owned(), text));
        }
        self
    }

    /// With a page.
    pub fn link(mut self, link: impl Into<String>) -> Self {
        self.link = Some(link.into());
        self
    }
}
