//! `bugcheck.rebase.1`.

use super::document;
use crate::rebase::{Rebased, Rebasing, why};
use rebase::Place;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    /// Whether files were to be changed.
    applied: bool,
    images: Vec<ImageDocument<'a>>,
    /// How many want what another wants.
    colliding: usize,
    /// How many are, or would be, moved.
    moved: usize,
    /// How many want what another wants then.
    colliding_then: usize,
    /// Imported modules that were not found, each with an image that imports it.
    missing: &'a BTreeMap<String, String>,
    unread: &'a [String],
}

#[derive(Serialize)]
struct ImageDocument<'a> {
    path: &'a str,
    machine: String,
    base: String,
    /// Bytes, in whole units of 64 KiB.
    size: u64,
    /// How many others want some of its addresses.
    collides: usize,
    /// One of them.
    collides_with: Option<&'a str>,
    /// Null where it stays.
    new_base: Option<String>,
    no_room: bool,
    /// Why it is not moved whatever collides: `program`, `stripped`, `signed`, `integrity-check`, `managed`,
    /// `runtime`, `native`, `base`, `unreadable`, `file`, `dynamic-base`; null where it may be.
    fixed: Option<&'static str>,
    loses_signature: bool,
    changes_timestamp: bool,
    /// `stays`, `planned`, `moved`, `failed`.
    outcome: &'static str,
    error: Option<&'a str>,
    backup: Option<&'a str>,
}

/// A set of images, schema `bugcheck.rebase.1`.
///
/// # Errors
/// None that an input can cause.
pub fn rebase_json(it: &Rebasing<'_>) -> serde_json::Result<String> {
    document(&Document {
        schema: "bugcheck.rebase.1",
        applied: it.applied,
        images: (0..it.members.len()).map(|index| image(it, index)).collect(),
        colliding: it.plan.colliding(),
        moved: it.plan.moved() - it.failed(),
        colliding_then: it.plan.collide_then,
        missing: it.missing,
        unread: it.unread,
    })
}

fn image<'a>(it: &Rebasing<'a>, index: usize) -> ImageDocument<'a> {
    let member = &it.members[index];
    let collides = it.plan.collides[index];
    let (outcome, error, backup) = match &it.outcomes[index] {
        Rebased::Not => ("stays", None, None),
        Rebased::Would => ("planned", None, None),
        Rebased::Done { backup } => ("moved", None, backup.as_deref()),
        Rebased::Failed(error) => ("failed", Some(error.as_str()), None),
    };
    ImageDocument {
        path: &member.path,
        machine: member.machine.to_string(),
        base: format!("{:#x}", member.base),
        size: member.size,
        collides: collides.map_or(0, |(count, _)| count),
        collides_with: collides
            .and_then(|(_, with)| it.members.get(with))
            .map(|with| with.path.as_str()),
        new_base: match it.place(index) {
            Place::At(base) => Some(format!("{base:#x}")),
            Place::Stays | Place::NoRoom => None,
        },
        no_room: it.place(index) == Place::NoRoom,
        fixed: why(&member.moves).map(|(word, _)| word),
        loses_signature: it.loses_signature(index),
        changes_timestamp: it.plan.restamp[index],
        outcome,
        error,
        backup,
    }
}
