//! What is said of a library that is not had, for the two forms it is written in.

pub(crate) mod windows;

use libraries::{Abi, Elsewhere, Lack, Level, Need, Outcome, Rule, Survey, Try, VersionLack, Why};

/// What of a survey is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct LibrariesLook {
    /// What was found as well.
    pub all: bool,
    /// Who needs whom.
    pub tree: bool,
}

/// The verdict on a program.
pub(crate) fn verdict(it: &Survey) -> String {
    let fatal = it.lacks.iter().filter(|lack| lack.level == Level::Fatal).count();
    let fatal = fatal + it.versions.iter().filter(|lack| is_fatal(it, lack)).count();
    let asked = it.lacks.iter().filter(|lack| lack.level == Level::Feature).count();
    let versions = it.versions.iter().filter(|lack| !lack.is_unversioned).count();
    let asked = asked + versions - it.versions.iter().filter(|lack| is_fatal(it, lack)).count();
    let things = |count: usize| match count {
        1 => "1 thing is missing".to_owned(),
        count => format!("{count} things are missing"),
    };
    let asked_for = match asked {
        0 => String::new(),
        1 => "1 thing that is asked for is missing".to_owned(),
        count => format!("{count} things that are asked for are missing"),
    };
    if it.is_record {
        return match fatal + asked {
            0 => "it got everything that it looked for".to_owned(),
            _ if fatal > 0 => format!("it did not start: {}", things(fatal)),
            1 => "it looked for 1 thing and did not get it".to_owned(),
            count => format!("it looked for {count} things and did not get them"),
        };
    }
    match (fatal, asked, it.pid) {
        (0, 0, _) => "nothing is missing".to_owned(),
        (1.., _, Some(_)) => format!("it runs, and would not start again: {}", things(fatal)),
        (0, _, Some(_)) => format!("it runs, but {asked_for}"),
        (0, _, None) => format!("it starts, but {asked_for}"),
        (_, 0, _) => format!("it does not start: {}", things(fatal)),
        _ => format!("it does not start: {}; besides, {asked_for}", things(fatal)),
    }
}

/// Whether the program does not start for want of a version. Those of plug-ins are another matter.
pub(crate) fn is_fatal(it: &Survey, lack: &VersionLack) -> bool {
    let plugin = it.libraries.get(lack.by_number).is_some_and(|library| library.root != 0);
    !lack.is_unversioned && !plugin
}

/// What is missing and why, in one sentence without a full stop.
pub(crate) fn sentence(it: &Survey, lack: &Lack) -> String {
    let process = format!("the {} process", it.abi.class);
    let what = &lack.what;
    if lack.need == Need::Interpreter {
        return match lack.tries.first().map(|it| &it.outcome) {
            Some(Outcome::PassedBy(abi)) => {
                format!("the program names the loader {what}, and that is for {abi}")
            }
            Some(Outcome::Stops(why) | Outcome::Barred(why)) => {
                format!("the program names the loader {what}, which cannot be used: {why}")
            }
            _ => format!(
                "the {} program names the loader {what}, which is not there; so the kernel says \"No such file or \
                 directory\" of the program itself",
                it.abi.class
            ),
        };
    }
    if let Some((path, why)) = lack.stopped() {
        return format!("{process} gets no {what}: the loader gives up at {path}: {why}");
    }
    let reason = match lack.elsewhere.first() {
        None => nowhere(it, lack),
        Some(Elsewhere { why: Why::OtherAbi, .. }) => {
            let all: Vec<String> = others(it.abi, &lack.elsewhere);
            format!("only {}", all.join(", and "))
        }
        Some(Elsewhere { why: Why::NotInCache, path, .. }) => {
            format!("it is at {path}, a folder of ld.so.conf, but not in the cache")
        }
        Some(Elsewhere { why: Why::NotSearched, path, .. }) => {
            format!("it is at {path}, where it is not looked for")
        }
    };
    format!("{process} finds no {what}: {reason}")
}

/// Why something is not there that lies nowhere.
fn nowhere(it: &Survey, lack: &Lack) -> String {
    let passed = lack.tries.iter().find_map(|tried| match &tried.outcome {
        Outcome::PassedBy(abi) => Some((abi, &tried.path)),
        _ => None,
    });
    match passed {
        Some((abi, path)) => format!("only the {} one is there, at {path}", abi.class),
        None if it.is_record => "it is nowhere that was tried".to_owned(),
        None => "none is installed".to_owned(),
    }
}

/// `the 64-bit one is installed, at PATH`, for each class or processor.
pub(crate) fn others(own: Abi, all: &[Elsewhere]) -> Vec<String> {
    let mut told: Vec<Abi> = Vec::new();
    let mut words = Vec::new();
    for other in all.iter().filter(|it| it.why == Why::OtherAbi) {
        if told.contains(&other.abi) {
            continue;
        }
        told.push(other.abi);
        let one = match other.abi.class == own.class {
            true => format!("the one for {}", other.abi.processor()),
            false if usual_pair(own, other.abi) => format!("the {} one", other.abi.class),
            false => format!("the {} one for {}", other.abi.class, other.abi.processor()),
        };
        words.push(format!("{one} is installed, at {}", other.path));
    }
    words
}

/// Whether the two are the two widths of one processor.
fn usual_pair(a: Abi, b: Abi) -> bool {
    let family = |abi: Abi| match abi.debian() {
        Some("amd64" | "i386") => "x86",
        Some("arm64" | "armhf" | "armel") => "arm",
        Some(name) => name.trim_end_matches(|c: char| c.is_ascii_digit()),
        None => "",
    };
    !family(a).is_empty() && family(a) == family(b)
}

/// What to do about it, each a line.
pub(crate) fn remedies(it: &Survey, lack: &Lack) -> Vec<String> {
    let mut all = lack.offer.commands.clone();
    if let Some((path, _)) = lack.stopped() {
        all.insert(
            0,
            format!("replace {path}, or take it away: the loader looks no further than there"),
        );
    }
    match lack.elsewhere.first() {
        Some(Elsewhere { why: Why::NotInCache, .. }) => all.insert(0, "ldconfig".to_owned()),
        Some(Elsewhere { why: Why::NotSearched, path, .. }) => {
            let folder = path.rsplit_once('/').map_or("/", |(folder, _)| folder);
            all.insert(0, format!("LD_LIBRARY_PATH={folder} {}", it.path));
            all.insert(
                1,
                format!("or name {folder} in a file of /etc/ld.so.conf.d, and run ldconfig"),
            );
        }
        _ => {}
    }
    all
}

/// A version that is missing, in one sentence without a full stop.
pub(crate) fn version(lack: &VersionLack) -> String {
    let VersionLack { version, by, library, .. } = lack;
    if lack.is_unversioned {
        return format!(
            "{by} needs {version} of {library}, which has no versions: the loader warns and goes on"
        );
    }
    match &lack.reaches {
        Some(reaches) => format!("{by} needs {version}, and {library} goes up to {reaches}"),
        None => format!("{by} needs {version}, and {library} has no version of that kind"),
    }
}

/// What to do about a missing version.
pub(crate) fn version_remedy(lack: &VersionLack) -> Option<String> {
    let releases = lack.had_by();
    if lack.is_unversioned || releases.is_empty() {
        return None;
    }
    Some(format!(
        "run it where there is a newer {}: {} or later; or have it built on a system as old as this one",
        if lack.version.starts_with("GLIBCXX") { "libstdc++" } else { "glibc" },
        releases.join(", ")
    ))
}

/// A rule of the search, in a word that does not change, and in words.
pub(crate) fn rule(rule: &Rule) -> (&'static str, String) {
    match rule {
        Rule::Path => ("path", "by its path".to_owned()),
        Rule::Rpath(of) => ("rpath", format!("DT_RPATH of {of}")),
        Rule::LibraryPath => ("library-path", "LD_LIBRARY_PATH".to_owned()),
        Rule::Runpath => ("runpath", "DT_RUNPATH of who asks".to_owned()),
        Rule::Cache => ("cache", "/etc/ld.so.cache".to_owned()),
        Rule::Configuration => ("configuration", "/etc/ld.so.conf".to_owned()),
        Rule::Default => ("default", "the loader's own folders".to_owned()),
        Rule::MuslPath => ("musl-path", "musl's folders".to_owned()),
        Rule::Plugins => ("plug-ins", "folders of plug-ins".to_owned()),
    }
}

/// What came of a try, in a word that does not change, and in words if there is more to say than that nothing was
/// there.
pub(crate) fn outcome(it: &Try) -> (&'static str, Option<String>) {
    match &it.outcome {
        Outcome::Absent => ("absent", None),
        Outcome::Barred(why) => ("unreadable", Some(why.clone())),
        Outcome::PassedBy(abi) => ("other-class", Some(format!("passed by: it is {abi}"))),
        Outcome::Stops(why) => ("stops", Some(why.clone())),
        Outcome::Taken => ("taken", None),
    }
}

/// The level, in a word that does not change.
pub(crate) fn level(level: Level) -> &'static str {
    match level {
        Level::Fatal => "fatal",
        Level::Feature => "feature",
        Level::Hint => "hint",
    }
}

/// What it is needed for, in a word that does not change.
pub(crate) fn need(need: &Need) -> &'static str {
    match need {
        Need::Interpreter => "interpreter",
        Need::Library => "library",
        Need::Preload => "preload",
        Need::Plugin { .. } => "plug-in",
        Need::Opened => "opened",
    }
}
