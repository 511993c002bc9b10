//! A minidump of a process, explained.

use super::Look;
use super::crash::{self, CrashDetail, Loaded};
use super::page::{Ink, Page};
use diagnosis::crash::{Blame, Confidence};
use diagnosis::process::{About, ProcessCrash};

/// A minidump of a process as a page. `name` is the file.
pub fn process_text(name: &str, it: &ProcessCrash, detail: CrashDetail, look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    page.wrapped(0, 2, &[(Ink::Strong, name), (Ink::Plain, ": minidump of a process")]);
    page.blank();
    let what = match &it.exception {
        Some(record) => {
            knowledge::status_name(record.code).unwrap_or("an exception without a name")
        }
        None => "no exception: a picture of a process that ran or hung",
    };
    page.line(0, &[(Ink::Strong, &it.program), (Ink::Plain, ": "), (Ink::Bad, what)]);
    if let Some(Blame { module, why, confidence, .. }) = &it.blame {
        let grounds = match confidence {
            Confidence::High => "",
            Confidence::Medium => " (likely)",
            Confidence::Low => " (a guess)",
        };
        page.wrapped(2, 4, &[(Ink::Plain, "To blame: "), (Ink::Bad, module), (Ink::Bad, grounds)]);
        page.wrapped(4, 4, &[(Ink::Plain, "Because "), (Ink::Plain, why)]);
    }
    crash::exception(&mut page, it.exception.as_ref(), it.about.machine);
    crash::code(&mut page, &it.code);
    if let Some((registers, of)) = &it.registers {
        crash::registers(&mut page, registers, &format!("the context of {of}"));
    }
    if let Some((id, name)) = &it.thread {
        page.blank();
        let name = if name.is_empty() { String::new() } else { format!(" \"{name}\"") };
        page.heading(2, &format!("Thread {id}{name}"));
    }
    crash::stack(&mut page, &it.stack, it.blame.as_ref());
    about(&mut page, &it.about);
    let loaded = Loaded {
        modules: &it.modules,
        unloaded: &it.unloaded,
        blame: it.blame.as_ref(),
        stack: &it.stack,
    };
    crash::modules(&mut page, &loaded, detail.modules);
    crash::images(&mut page, &it.images);
    crash::missing(&mut page, &it.lacks);
    page.finish()
}

fn about(page: &mut Page<'_>, it: &About) {
    page.blank();
    page.heading(2, "Process and system");
    let mut rows: Vec<(&str, String)> = Vec::new();
    if let Some(id) = it.process_id {
        rows.push(("PID", id.to_string()));
    }
    rows.push(("threads", it.threads.to_string()));
    if let Some([major, minor, build]) = it.version {
        let release = it.release.unwrap_or("Windows");
        rows.push(("Windows", format!("{release}, {major}.{minor} build {build}, {}", it.machine)));
    }
    if let Some(processors) = it.processors {
        rows.push(("processors", processors.to_string()));
    }
    if let Some(written) = &it.written {
        rows.push(("written", format!("{written} UTC")));
    }
    if let Some(comment) = &it.comment {
        rows.push(("comment", comment.clone()));
    }
    for (label, text) in rows {
        page.labelled(4, 12, label, &text);
    }
}
