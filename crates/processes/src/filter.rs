//! Which processes are wanted.

use crate::{Process, Time};

/// A name that is asked for: with `*` and `?` all of it, without them any part; upper and lower case alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<char>);

impl Pattern {
    /// From what a user wrote.
    pub fn new(text: &str) -> Pattern {
        let lower = text.to_lowercase();
        let whole = if lower.contains(['*', '?']) { lower } else { format!("*{lower}*") };
        Pattern(whole.chars().collect())
    }

    /// Whether `name` fits. Takes at most the product of both lengths.
    pub fn fits(&self, name: &str) -> bool {
        let name: Vec<char> = name.to_lowercase().chars().collect();
        let (mut at, mut of) = (0, 0);
        let mut star = None;
        while at < name.len() {
            match self.0.get(of) {
                Some('*') => {
                    star = Some((at, of));
                    of += 1;
                }
                Some(c) if *c == '?' || name.get(at) == Some(c) => {
                    at += 1;
                    of += 1;
                }
                _ => match &mut star {
                    Some((from, place)) => {
                        *from += 1;
                        (at, of) = (*from, *place + 1);
                    }
                    None => return false,
                },
            }
        }
        self.0.iter().skip(of).all(|c| *c == '*')
    }
}

/// What a user asked for; everything must fit.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// From this moment on.
    pub since: Option<Time>,
    /// Up to this moment.
    pub until: Option<Time>,
    /// Any of these names.
    pub names: Vec<Pattern>,
    /// Any of these ids.
    pub pids: Vec<u32>,
    /// Any of these users: the name, or its part behind the domain.
    pub users: Vec<String>,
}

impl Filter {
    /// Whether the moment is wanted. One that is not known is, unless times are asked for.
    pub fn takes_time(&self, time: Time) -> bool {
        if time.is_none() {
            return self.since.is_none() && self.until.is_none();
        }
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time <= until)
    }

    /// Whether the process is wanted, whatever its times.
    pub fn takes(&self, process: &Process) -> bool {
        let start = &process.start;
        let named =
            self.names.is_empty() || self.names.iter().any(|name| name.fits(&start.image.name));
        let numbered = self.pids.is_empty() || self.pids.contains(&process.pid);
        named && numbered && (self.users.is_empty() || self.takes_user(start.user.as_deref()))
    }

    fn takes_user(&self, user: Option<&str>) -> bool {
        let Some(user) = user else { return false };
        let short = user.rsplit('\\').next().unwrap_or(user);
        let same = |wanted: &String| {
            wanted.eq_ignore_ascii_case(user) || wanted.eq_ignore_ascii_case(short)
        };
        self.users.iter().any(same)
    }

    /// Whether some of its life lies in the time that is wanted.
    pub fn takes_life(&self, process: &Process) -> bool {
        let (start, end) = (process.started, process.ended);
        let late = !start.is_none() && self.until.is_some_and(|until| start > until);
        let early = !end.is_none() && self.since.is_some_and(|since| end < since);
        !late && !early
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_in_part_or_by_pattern() {
        for (pattern, name, fits) in [
            ("cmd", "CMD.EXE", true),
            ("cmd.*", "cmd.exe", true),
            ("cmd", "command", false),
            ("?md.exe", "cmd.exe", true),
            ("*.scr", "sstext3d.scr", true),
            ("*.scr", "sstext3d.scr.exe", false),
            ("", "x", true),
            ("a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ] {
            assert_eq!(Pattern::new(pattern).fits(name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn users_with_and_without_their_domain() {
        let filter = Filter { users: vec!["alice".to_owned()], ..Filter::default() };
        assert!(filter.takes_user(Some("CORP\\Alice")) && filter.takes_user(Some("alice")));
        assert!(!filter.takes_user(Some("bob")) && !filter.takes_user(None));
    }
}
