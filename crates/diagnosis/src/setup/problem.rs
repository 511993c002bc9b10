//! What went wrong in a section, first cause first.

use super::codes::{Code, codes_in, in_words};
use evidence::setup_log::Level;
use serde::Serialize;

/// Problems of a section that are kept.
const MOST: usize = 200;

/// Something that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Line of the log.
    pub line: u64,
    /// `error`, `warning`, or `failed` for a group that ended with a code.
    pub kind: &'static str,
    /// The log's words.
    pub text: String,
    /// The codes in them.
    pub codes: Vec<Code>,
    /// Whether the group around it went on and ended well.
    pub handled: bool,
}

/// Problems as they come, with the groups around them.
#[derive(Debug, Default)]
pub struct Problems {
    all: Vec<Problem>,
    /// Number of problems when each open group was opened.
    open: Vec<usize>,
    /// Problems beyond [`MOST`].
    pub left_out: u64,
}

/// Ends that are no failures: `ERROR_DI_DO_DEFAULT` hands over to the default installer, and
/// ERROR_SUCCESS_REBOOT_REQUIRED and ERROR_SUCCESS_RESTART_REQUIRED are done once Windows has been started again.
const HARMLESS: &[u32] = &[0, 0xe000_020e, 3010, 3011];

/// Whether the code of a group's end is a failure.
pub fn is_failure(title: &str, code: u32) -> bool {
    // Callbacks of a file queue return what to do next.
    // <https://learn.microsoft.com/windows/win32/setupapi/notifications>
    let callback = title.starts_with("SPFILENOTIFY") || title.starts_with("SPFQ");
    !HARMLESS.contains(&code) && !callback && !title.starts_with("_SCAN_FILE_QUEUE")
}

/// Warnings that every installation has and that mean nothing for its outcome.
const USUAL: &[&str] = &[
    "Legacy directive",
    "Needed section [",
    "Found legacy",
    "already imported as",
    "This is OK",
    "Unable to find driver update",
    "Queueing up error report",
];

impl Problems {
    /// A group opens.
    pub fn open(&mut self) {
        self.open.push(self.all.len());
    }

    /// A group closes: what went wrong inside is handled if it ends well.
    pub fn close(&mut self, line: u64, title: &str, code: Option<u32>) {
        let start = self.open.pop().unwrap_or(self.all.len());
        match code {
            Some(code) if is_failure(title, code) => {
                let text = format!("{title} ends with 0x{code:08x}");
                self.push(Problem {
                    line,
                    kind: "failed",
                    text,
                    codes: vec![in_words(code, None)],
                    handled: false,
                });
            }
            // What has no code at its end says nothing of what is inside.
            None => {}
            Some(_) => {
                for problem in self.all.iter_mut().skip(start) {
                    // A device that did not start stays stopped, however the group ends.
                    problem.handled |= !stays(problem);
                }
            }
        }
    }

    /// An entry that is marked.
    pub fn entry(&mut self, line: u64, level: Level, message: &str) {
        let kind = match level {
            Level::Information => return,
            Level::Warning => "warning",
            Level::Error => "error",
        };
        if USUAL.iter().any(|usual| message.contains(usual)) {
            return;
        }
        let problem = Problem {
            line,
            kind,
            text: message.to_owned(),
            codes: codes_in(message),
            handled: false,
        };
        self.push(problem);
    }

    fn push(&mut self, problem: Problem) {
        if self.all.len() < MOST {
            self.all.push(problem);
        } else {
            self.left_out += 1;
        }
    }

    /// All of them in the log's order. Where the section ended well, only errors and devices that stand
    /// still are left unhandled.
    pub fn finish(mut self, success: bool) -> Vec<Problem> {
        if success {
            for problem in &mut self.all {
                problem.handled |= problem.kind != "error" && !stays(problem);
            }
        }
        self.all
    }
}

fn stays(problem: &Problem) -> bool {
    problem.text.contains("has problem:") || problem.text.contains("not started")
}

/// The first cause: the first unhandled problem with a code, or else the first one.
pub fn first_cause(all: &[Problem]) -> Option<&Problem> {
    let open = || all.iter().filter(|problem| !problem.handled);
    open().find(|problem| !problem.codes.is_empty()).or_else(|| open().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_group_gets_over_is_no_cause() {
        let mut problems = Problems::default();
        problems.open();
        problems.open();
        problems.entry(3, Level::Warning, "Error 1168: Element not found.");
        problems.close(4, "_VERIFY_FILE_SIGNATURE", Some(0x490));
        problems.close(5, "Import", Some(0));
        problems.open();
        problems.entry(7, Level::Error, "Installation is blocked by policy! (0xe0000248)");
        problems.entry(
            8,
            Level::Warning,
            "Legacy directive 'LogConfig' will be ignored. Code = 2222",
        );
        problems.close(9, "Install", Some(0xe000_0248));
        let all = problems.finish(false);
        let lines: Vec<(u64, bool)> = all.iter().map(|it| (it.line, it.handled)).collect();
        assert_eq!(lines, [(3, true), (4, true), (7, false), (9, false)]);
        assert_eq!(first_cause(&all).expect("a cause").line, 7);
    }

    #[test]
    fn a_device_that_stands_still_is_a_problem_in_a_success() {
        let mut problems = Problems::default();
        problems.open();
        problems.entry(
            2,
            Level::Warning,
            "Device not started: Device has problem: 0x0a: CM_PROB_FAILED_START.",
        );
        problems.entry(3, Level::Warning, "Something else failed.");
        problems.close(4, "Install", Some(0));
        let all = problems.finish(true);
        assert_eq!(first_cause(&all).map(|it| it.line), Some(2));
        assert_eq!(all[0].codes[0].name, "CM_PROB_FAILED_START");
        assert!(all[1].handled);
    }

    #[test]
    fn ends_that_are_none() {
        assert!(!is_failure("DIF_ALLOW_INSTALL", 0xe000_020e));
        assert!(!is_failure("Configure Driver Package", 0xbc3), "done after a restart");
        assert!(!is_failure("SPFILENOTIFY_STARTCOPY", 1));
        assert!(is_failure("Core Device Install", 0xe000_0203));
    }
}
