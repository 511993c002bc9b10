//! What a set of images says about their addresses, for the two forms it is written in.

use rebase::{Member, Moves, Place, Plan, Stays};
use std::collections::BTreeMap;

/// What became of one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rebased {
    /// It stays where it is.
    Not,
    /// It can be moved; nothing was changed.
    Would,
    /// It was moved.
    Done {
        /// Where the old file is.
        backup: Option<String>,
    },
    /// It cannot be moved, or its file not be replaced: why.
    Failed(String),
}

/// A set of images.
#[derive(Clone, Copy, Debug)]
pub struct Rebasing<'a> {
    /// The images.
    pub members: &'a [Member],
    /// Where they go.
    pub plan: &'a Plan,
    /// What became of each.
    pub outcomes: &'a [Rebased],
    /// Modules that were not found, each with the image that imports it.
    pub missing: &'a BTreeMap<String, String>,
    /// Files that could not be read: a sentence each.
    pub unread: &'a [String],
    /// Whether files were to be changed.
    pub applied: bool,
}

impl Rebasing<'_> {
    /// Whether no image wants, or none wants any more, what another wants, and all that was to be done is done.
    pub fn is_good(&self) -> bool {
        match self.applied {
            true => self.plan.collide_then == 0 && self.failed() == 0,
            false => self.plan.colliding() == 0 && self.plan.moved() == 0,
        }
    }

    pub(crate) fn failed(&self) -> usize {
        self.outcomes.iter().filter(|it| matches!(it, Rebased::Failed(_))).count()
    }

    /// Where an image is to go.
    pub(crate) fn place(&self, index: usize) -> Place {
        self.plan.places.get(index).copied().unwrap_or(Place::Stays)
    }

    /// The path of a member.
    pub(crate) fn path(&self, index: usize) -> &str {
        self.members.get(index).map_or("", |it| it.path.as_str())
    }

    /// Whether a member loses its signature.
    pub(crate) fn loses_signature(&self, index: usize) -> bool {
        matches!(self.place(index), Place::At(_))
            && self.members.get(index).is_some_and(|it| it.is_signed)
    }
}

/// Why an image stays, in a word that does not change, and in words.
pub(crate) fn why(moves: &Moves) -> Option<(&'static str, String)> {
    let (word, text) = match moves {
        Moves::Freely => return None,
        Moves::BySystem => {
            ("dynamic-base", "Windows chooses its address (DYNAMIC_BASE) whatever its base says")
        }
        Moves::Not(why) => match why {
            Stays::Program => ("program", "a program, which is mapped first"),
            Stays::Stripped => ("stripped", "its relocations were stripped, so it cannot move"),
            Stays::Signed => ("signed", "it is signed, and would lose that; --signed moves it"),
            Stays::Integrity => {
                ("integrity-check", "it is not loaded without a valid signature (/INTEGRITYCHECK)")
            }
            Stays::Managed => ("managed", "it holds managed code"),
            Stays::Runtime => ("runtime", "the library that makes fork; it is never moved"),
            Stays::Native => ("native", "it runs in the kernel, which goes by no base"),
            Stays::Base => ("base", "its base is no multiple of 64 KiB, or leaves no room for it"),
            Stays::Unreadable(error) => {
                return Some(("unreadable", format!("its relocations cannot be read: {error}")));
            }
            Stays::File(why) => return Some(("file", why.clone())),
        },
    };
    Some((word, text.to_owned()))
}
