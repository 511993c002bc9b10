//! Takes what the ledger tells, leaves out what nobody asked for, counts the rest and prints it.

use crate::commands::watch::Arguments;
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format};
use crate::zone::Zone;
use processes::{Entry, Filter, Pattern, Process, Summary, Time, Told};
use report::{Column, WatchLook};
use std::collections::HashSet;
use std::fs;

/// Losses of which no more are kept for the page.
const GAPS: usize = 10_000;
/// Processes without an end of which no more are named.
const NAMED: usize = 20;

/// Where entries go.
pub(crate) struct Teller<'a> {
    arguments: &'a Arguments,
    columns: Vec<Column>,
    filter: Filter,
    zone: Zone,
    /// Names of machines, by number.
    pub(crate) hosts: Vec<String>,
    pub(crate) summary: Summary,
    /// Where the tree of some processes is asked for: the numbers of those that belong to it and run.
    chosen: HashSet<u64>,
    gaps: Vec<(Time, String)>,
    /// Processes of a record that have no end in it.
    open: Vec<Process>,
    out: String,
    /// What else is to be known about the whole.
    pub(crate) notes: Vec<String>,
}

impl<'a> Teller<'a> {
    pub(crate) fn new(arguments: &'a Arguments) -> Result<Teller<'a>, Failure> {
        let zone = Zone::new(arguments.utc);
        let moment = |flag: &str, text: &Option<String>| {
            let read = text.as_deref().map(|text| zone.read(text));
            read.transpose().map_err(|why| Failure::Input(format!("{flag}: {why}.")))
        };
        let filter = Filter {
            since: moment("--since", &arguments.since)?,
            until: moment("--until", &arguments.until)?,
            names: arguments.name.iter().map(|name| Pattern::new(name)).collect(),
            pids: arguments.pid.clone(),
            users: arguments.user.clone(),
        };
        Ok(Teller {
            arguments,
            columns: arguments.wanted(),
            filter,
            zone,
            hosts: Vec::new(),
            summary: Summary::new(arguments.html.is_some() || arguments.tree && arguments.summary),
            chosen: HashSet::new(),
            gaps: Vec::new(),
            open: Vec::new(),
            out: String::new(),
            notes: Vec::new(),
        })
    }

    pub(crate) fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Takes an entry of the ledger.
    pub(crate) fn take(&mut self, entry: Entry<'_>) {
        let process = match entry.told {
            Told::Lost(lost) => {
                if !self.filter.takes_time(entry.time) {
                    return;
                }
                if self.gaps.len() < GAPS {
                    self.gaps.push((entry.time, report::watch_lost_words(lost)));
                }
                self.summary.count(&entry);
                return self.print(&entry);
            }
            Told::Start(it)
            | Told::Exec(it)
            | Told::Stop(it)
            | Told::Vanished(it)
            | Told::Open(it) => it,
        };
        if !self.wants(process, &entry) {
            return;
        }
        let json = self.arguments.format == Format::Json;
        let in_time = if json || matches!(entry.told, Told::Open(_)) {
            self.filter.takes_life(process)
        } else {
            self.filter.takes_time(entry.time)
        };
        if !in_time {
            return;
        }
        self.summary.count(&entry);
        if matches!(entry.told, Told::Open(_)) && process.start_seen && self.open.len() < NAMED {
            self.open.push(process.clone());
        }
        self.print(&entry);
    }

    fn wants(&mut self, process: &Process, entry: &Entry<'_>) -> bool {
        if !self.arguments.tree || self.filter.pids.is_empty() {
            return self.filter.takes(process);
        }
        let below = process.parent_number.is_some_and(|parent| self.chosen.contains(&parent));
        let root = self.filter.pids.contains(&process.pid);
        let known = self.chosen.contains(&process.number);
        if !(below || root || known) {
            return false;
        }
        self.chosen.insert(process.number);
        if matches!(entry.told, Told::Stop(_) | Told::Vanished(_)) {
            self.chosen.remove(&process.number);
        }
        let others = Filter { pids: Vec::new(), ..self.filter.clone() };
        others.takes(process)
    }

    fn print(&mut self, entry: &Entry<'_>) {
        if self.arguments.quiet {
            return;
        }
        let mut out = std::mem::take(&mut self.out);
        let offset = |time| self.zone.offset(time);
        let look = self.look(&offset);
        match self.arguments.format {
            Format::Text => report::watch_line(&mut out, entry, &look),
            Format::Json => {
                let document = match entry.told {
                    Told::Lost(lost) => Some(report::watch_lost_json(entry.time, lost)),
                    Told::Stop(it) | Told::Vanished(it) => {
                        Some(report::watch_process_json(it, &look))
                    }
                    Told::Open(it) if it.start_seen || !it.start.before => {
                        Some(report::watch_process_json(it, &look))
                    }
                    _ => None,
                };
                // Nothing in a process can make a document that is no JSON.
                out.extend(document.and_then(Result::ok));
            }
        }
        self.out = out;
    }

    fn look<'b>(&'b self, offset: &'b dyn Fn(Time) -> i32) -> WatchLook<'b> {
        WatchLook {
            colour: output::wants_colour(),
            columns: &self.columns,
            tree: self.arguments.tree,
            offset,
            hosts: &self.hosts,
        }
    }

    /// Prints what has gathered.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        if !self.out.is_empty() {
            output::print(&self.out)?;
            self.out.clear();
        }
        Ok(())
    }

    /// The end: what is left, the sum, the summary, the page. `source` is what all of it comes from.
    pub(crate) fn finish(mut self, source: &str) -> Result<Outcome, Failure> {
        self.flush()?;
        let offset = |time| self.zone.offset(time);
        let look = self.look(&offset);
        match self.arguments.format {
            Format::Json => {
                let document = report::watch_summary_json(&self.summary, source, &self.notes);
                output::print(&document.map_err(crate::commands::no_json)?)?;
            }
            Format::Text => {
                for process in &self.open {
                    output::say(&report::watch_open(process, &look));
                }
                let more = self.summary.open.saturating_sub(self.open.len() as u64);
                if more > 0 {
                    output::say(&format!("and {more} more that have no end so far"));
                }
                for note in &self.notes {
                    output::complain(note);
                }
                if self.arguments.summary {
                    let blank = if self.arguments.quiet { "" } else { "\n" };
                    let text = report::watch_summary(&self.summary, &look);
                    output::print(&format!("{blank}{text}"))?;
                    if let Some(tree) = self.summary.tree.as_ref().filter(|_| self.arguments.tree) {
                        let text = report::watch_tree(tree, &self.filter);
                        output::print(&format!("\nWho started whom\n{text}"))?;
                    }
                } else {
                    output::say(&report::watch_sum(&self.summary));
                }
            }
        }
        if let Some(path) = &self.arguments.html {
            let html = report::watch_html(source, &self.summary, &self.gaps, &self.filter, &look);
            fs::write(path, html).map_err(|error| {
                let path = path.display();
                Failure::Input(format!("{path}: it cannot be written: {error}; name another file."))
            })?;
        }
        Ok(if self.summary.gaps > 0 { Outcome::Findings } else { Outcome::Clean })
    }
}
