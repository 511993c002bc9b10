//! A driver package and the catalog that its INF names: which of its files are signed by it.

use super::catalog::{CatalogFile, Listed, Membership};
use super::one::Signature;
use signatures::Time;
use std::sync::Arc;

/// A package held against one catalog.
#[derive(Clone, Debug)]
pub struct Packaged {
    /// The catalog; a clause where it is not there, or cannot be read.
    pub catalog: Result<Arc<CatalogFile>, String>,
    /// Its name, as the INF has it, or as it was given.
    pub name: String,
    /// The INF.
    pub inf: Listed,
    /// The files that the INF copies, each once.
    pub files: Vec<Listed>,
    /// Further files that were not looked at, since there are so many.
    pub left_out: usize,
    /// DriverVer's day, if the INF has one: its first moment.
    pub dated: Option<Time>,
}

impl Packaged {
    /// Whether the catalog does not hold, or has a file of the package otherwise.
    pub fn is_wrong(&self) -> bool {
        let Ok(catalog) = &self.catalog else { return false };
        let changed = |it: &Listed| matches!(it.membership, Some(Membership::Changed(_)));
        let all = std::iter::once(&self.inf).chain(&self.files);
        catalog.signatures.iter().any(Signature::is_damaged) || all.into_iter().any(changed)
    }

    /// Whether the catalog lists the INF, as it is.
    pub fn has_inf(&self) -> bool {
        matches!(self.inf.membership, Some(Membership::Member(_)))
    }

    /// Whether the catalog lists the INF or a file of it, as it is or otherwise.
    pub fn has_any(&self) -> bool {
        let there = |it: &Listed| it.membership.is_some_and(|it| it != Membership::Absent);
        std::iter::once(&self.inf).chain(&self.files).any(there)
    }

    /// The time at which the catalog was signed, as a timestamp proves, where DriverVer tells a later day.
    pub fn signed_before_dated(&self) -> Option<Time> {
        let catalog = self.catalog.as_ref().ok()?;
        let signed = catalog.signatures.iter().filter_map(|it| it.signed_at).max()?;
        // The INF's day is one of wherever its writer lives.
        let day = signatures::Span { seconds: 86_400, nanos: 0 };
        self.dated.filter(|dated| *dated > signed + day).map(|_| signed)
    }
}
