//! Every call of a record of strace, whole, for whoever is after other calls than those that make processes.

use super::call::{self, Call};
use super::{Prefix, each_line, takes};
use std::collections::HashMap;

/// Calls that wait for their second half.
const MOST_UNFINISHED: usize = 100_000;

/// A call, or what strace says of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Traced<'a> {
    /// A call that returned.
    Call {
        /// Its name.
        name: &'a str,
        /// What stands behind the bracket: arguments, result.
        rest: &'a str,
    },
    /// The process runs in so many bits from here on.
    Bits(u8),
    /// It ended.
    End,
}

impl Traced<'_> {
    /// The child that a call made, and whether that is a thread.
    pub fn child(&self) -> Option<(u32, bool)> {
        let Traced::Call { name, rest } = self else { return None };
        let call = Call { name, rest, unfinished: false };
        Some((call.child()?, rest.contains("CLONE_THREAD")))
    }

    /// The first string of the arguments, its escapes undone.
    pub fn first_string(&self) -> Option<Vec<u8>> {
        let Traced::Call { rest, .. } = self else { return None };
        let at = rest.find('"')?;
        Some(call::string_bytes(rest.get(at..)?)?.0)
    }

    /// The number in front of the argument at `index`, parted by commas; only of calls without strings before it.
    pub fn number(&self, index: usize) -> Option<u64> {
        let Traced::Call { rest, .. } = self else { return None };
        call::leading_number(rest.split(", ").nth(index)?)
    }

    /// What the call returned: a number that is not negative, or the name of an error.
    pub fn result(&self) -> Option<Result<u64, &str>> {
        let Traced::Call { rest, .. } = self else { return None };
        let (_, result) = rest.rsplit_once(" = ")?;
        match result.strip_prefix("-1 ") {
            Some(error) => Some(Err(error.split(' ').next().unwrap_or(error))),
            None => call::leading_number(result).map(Ok),
        }
    }
}

/// Calls `take` with the process and each of its calls in the order in which they return. Lines without an id are
/// of process `alone`. False if this is no output of strace.
pub fn traced(data: &[u8], alone: u32, take: &mut dyn FnMut(u32, &Traced<'_>)) -> bool {
    if !takes(data) {
        return false;
    }
    let mut unfinished: HashMap<u32, String> = HashMap::new();
    each_line(data, &mut |line| {
        // `strace: [ Process PID=7 runs in 32 bit mode. ]`
        if let Some((_, said)) = line.split_once("[ Process PID=")
            && let Some((pid, mode)) = said.split_once(" runs in ")
            && let Ok(pid) = pid.parse()
        {
            let bits = if mode.starts_with("64 bit") { 64 } else { 32 };
            take(pid, &Traced::Bits(bits));
            return;
        }
        let (prefix, rest) = Prefix::of(line);
        let pid = prefix.pid.unwrap_or(alone);
        if rest.starts_with("+++ ") {
            take(pid, &Traced::End);
        } else if let Some((name, behind)) = call::resumed(rest) {
            let whole = match unfinished.remove(&pid) {
                Some(start) if start.starts_with(name) => format!("{start}{behind}"),
                _ => format!("{name}({behind}"),
            };
            if let Some(Call { name, rest, .. }) = Call::of(&whole) {
                take(pid, &Traced::Call { name, rest });
            }
        } else if let Some(start) = call::unfinished(rest) {
            if unfinished.len() < MOST_UNFINISHED {
                unfinished.insert(pid, start.to_owned());
            }
        } else if let Some(Call { name, rest, .. }) = Call::of(rest) {
            take(pid, &Traced::Call { name, rest });
        }
    });
    true
}
