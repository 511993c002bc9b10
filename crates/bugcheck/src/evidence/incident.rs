//! Several files as one incident: what was read is collected, related, and told before the files themselves.

use super::Told;
use crate::failure::Failure;
use crate::output::{self, Format};
use diagnosis::incident::{Buckets, Evidence, Incident, MOST_FILES, Settings};
use knowledge::messages::Base;
use std::fs;
use std::path::Path;

/// Bytes of the short texts that are kept until it is known what relates the files.
const MOST_TEXT: usize = 1 << 20;
/// Dumps beyond which only their table is told.
const MOST_DUMPS: u64 = 8;

/// What was read so far.
#[derive(Default)]
pub(crate) struct Collected {
    evidence: Vec<Evidence>,
    further: u64,
    buckets: Buckets,
    texts: Vec<(bool, String)>,
    bytes: usize,
    left_out: u64,
}

impl Collected {
    /// Takes a file. Its text is kept, if it is to be told after the others were read.
    pub(crate) fn take(&mut self, told: Told, keep_text: bool) {
        let is_dump = told.seen.as_ref().is_some_and(|seen| seen.crash.is_some());
        if let Some(seen) = told.seen {
            if let Some(row) = &seen.crash {
                self.buckets.add(&seen.file, row);
            }
            if self.evidence.len() < MOST_FILES {
                self.evidence.push(*seen);
            } else {
                self.further += 1;
            }
        }
        if !keep_text {
            return;
        }
        if self.bytes + told.text.len() > MOST_TEXT {
            self.left_out += 1;
            return;
        }
        self.bytes += told.text.len();
        self.texts.push((is_dump, told.text));
    }

    /// What was read, to be looked at while the rest is.
    pub(crate) fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// Whether there is anything to be related: more than one file, and not only dumps.
    fn is_incident(&self) -> bool {
        let count = self.evidence.len() as u64 + self.further;
        count > 1 && self.buckets.dumps < count
    }

    /// Tells all of it.
    ///
    /// # Errors
    /// If the page cannot be written, or nobody reads.
    pub(crate) fn tell(
        self,
        format: Format,
        full: bool,
        html: Option<&Path>,
        base: &Base,
        settings: &Settings,
    ) -> Result<(), Failure> {
        let is_incident = self.is_incident();
        let incident = Incident::of(self.evidence, self.further, base, settings);
        if let Some(out) = html {
            fs::write(out, report::incident_html(&incident, &self.buckets)).map_err(|error| {
                Failure::Input(format!("{}: it cannot be written: {error}.", out.display()))
            })?;
        }
        if format == Format::Json {
            if !is_incident {
                return Ok(());
            }
            let text = report::incident_json(&incident, &self.buckets, true);
            return output::print(&text.map_err(crate::commands::no_json)?);
        }
        let look = report::Look { colour: output::wants_colour(), source: &|_, _| None };
        output::print(&report::incident_text(&incident, &self.buckets, full, &look))?;
        let many = self.buckets.dumps > MOST_DUMPS;
        for (_, text) in self.texts.iter().filter(|(is_dump, _)| !(*is_dump && many)) {
            output::print("\n")?;
            output::print(text.trim_end_matches('\n'))?;
            output::print("\n")?;
        }
        if !full {
            let left = match self.left_out {
                0 => String::new(),
                left => format!("{left} further files are left out here. "),
            };
            let what = if many { "each dump" } else { "each file" };
            let sentence =
                format!("\n{left}--all tells {what} in full, and so does explain of it.\n");
            output::print(&sentence)?;
        }
        Ok(())
    }
}
