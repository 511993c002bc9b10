//! A check, and what came of it.

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
    /// It could not be made; [`Check::words`] says for want of what.
    NotDone,
}

impl Outcome {
    /// `passed`, `failed`, `not-done`: as documents for programs say it.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Failed => "failed",
            Outcome::NotDone => "not-done",
        }
    }
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its name: kebab case, stable.
    pub name: &'static str,
    /// How it ended.
    pub result: Outcome,
    /// What was found: a sentence without a full stop.
    pub words: String,
    /// What would mend it, where it did not pass.
    pub remedy: Option<String>,
}

impl Check {
    /// A check that holds.
    pub fn passed(name: &'static str, words: impl Into<String>) -> Self {
        Self { name, result: Outcome::Passed, words: words.into(), remedy: None }
    }

    /// A check that does not hold, and what would mend it.
    pub fn failed(name: &'static str, words: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, result: Outcome::Failed, words: words.into(), remedy: Some(remedy.into()) }
    }

    /// A check that could not be made, and what it needs.
    pub fn not_done(
        name: &'static str,
        words: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { name, result: Outcome::NotDone, words: words.into(), remedy: Some(remedy.into()) }
    }

    /// Whether it failed.
    pub fn is_failed(&self) -> bool {
        self.result == Outcome::Failed
    }
}
