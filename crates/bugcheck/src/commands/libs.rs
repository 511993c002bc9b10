//! `bugcheck libs`: which libraries a program and its plug-ins look for and do not get.

use super::no_json;
use crate::failure::{Failure, Outcome};
use crate::libs::Root;
use crate::libs::process::{self, Process};
use crate::output::{self, Format};
use clap::Args;
use libraries::{Files, Refusal, Survey, Wish};
use report::LibrariesLook;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  bugcheck libs /usr/bin/aplay                what it needs and does not get, and what to do
  bugcheck libs ./game --tree                 who needs whom
  bugcheck libs ./game --all                  what was found as well, and where
  bugcheck libs ./game --library-path lib:plugins/lib
  bugcheck libs /usr/bin/app --root image/    in the tree of another system, as after chroot
  bugcheck libs ./game --env LD_PRELOAD=libhook.so
  bugcheck libs 4711                          a process that runs: what it has loaded by name counts as well
  strace -f -o trace.txt ./game; bugcheck libs trace.txt
                                              what was really asked for, every path tried, and what came of it
  bugcheck libs app.exe                       a program of Windows: what it imports and is not beside it, nor Windows' own
  bugcheck libs app.exe --root /mnt/c         with the libraries of that Windows, or of Wine's drive_c

The order is the loader's own: DT_RPATH, LD_LIBRARY_PATH, DT_RUNPATH, /etc/ld.so.cache, its folders, which are read out
of it. Nothing is run. The environment is this shell's, for another root an empty one, for a process its own; --env adds to
it. For programs of Windows --library-path stands for PATH. Plug-ins are those of the frameworks in knowledge/frameworks.toml: ALSA, GStreamer, Qt, PAM, NSS, GIO and others.

The exit status is 0 if nothing is missing, 1 if something is that is asked for, 2 where a file cannot be read, and
3 for a program whose loader is neither glibc's nor musl's, and for drivers of Windows.";

/// Say which libraries a program and its plug-ins look for and do not get, why, and what to install
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Program or library, number of a process, or output of strace
    #[arg(value_name = "PROGRAM|PID|RECORD")]
    program: PathBuf,
    /// The tree of another system: paths are inside of it
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// LD_LIBRARY_PATH, instead of the environment's
    #[arg(long, value_name = "FOLDERS")]
    library_path: Option<String>,
    /// A variable of its environment; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// Tell what was found as well
    #[arg(long)]
    all: bool,
    /// Show who needs whom
    #[arg(long)]
    tree: bool,
    /// Form of the outcome
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let root = Root::new(arguments.root.as_deref().unwrap_or(Path::new("/")));
    if fs::metadata(root.outside("/")).is_err() {
        let name = root.outside("/");
        return Err(Failure::Input(format!("{}: there is no such folder.", name.display())));
    }
    if let Some(pid) = process::number(&arguments.program) {
        return of_process(arguments, pid);
    }
    if let Some(record) = record(&arguments.program)? {
        let name = arguments.program.file_name().unwrap_or_default().to_string_lossy();
        let surveys = crate::panics::caught(|| Ok(libraries::trace(&root, &record, &name)))?;
        let surveys = surveys.filter(|all| !all.is_empty()).ok_or_else(|| {
            let name = arguments.program.display();
            Failure::Input(format!(
                "{name}: no program in this record looks for libraries; strace -f -o FILE PROGRAM writes one that does."
            ))
        })?;
        return tell(arguments, surveys);
    }
    let (path, folder) = inside(&root, &arguments.program);
    if begins_as_image(&root, &path) {
        return of_windows(arguments, &root, &path, arguments.root.as_ref().map(|_| &root));
    }
    if arguments.root.is_some() && root.real(&path).is_none() {
        // A program of Windows may lie outside of the Windows that is given.
        let own = Root::new(Path::new("/"));
        let (path, _) = inside(&own, &arguments.program);
        if begins_as_image(&own, &path) {
            return of_windows(arguments, &own, &path, Some(&root));
        }
    }
    let wish = Wish {
        environment: environment(arguments, &root),
        levels: levels(),
        folder,
        is_secure: is_secure(&root, &path),
        ..Wish::default()
    };
    tell(arguments, vec![follow(&root, &path, &wish)?])
}

fn begins_as_image(root: &Root, path: &str) -> bool {
    root.read(path).is_ok_and(|bytes| libraries::is_image(&bytes))
}

fn of_windows(
    arguments: &Arguments,
    root: &Root,
    path: &str,
    system: Option<&Root>,
) -> Result<Outcome, Failure> {
    let list = arguments.library_path.iter().flat_map(|list| list.split(':'));
    let more: Vec<String> =
        list.filter(|it| !it.is_empty()).map(|it| inside(root, Path::new(it)).0).collect();
    let system = system.map(|it| it as &dyn Files);
    let places = libraries::Places { files: root, path, system, more: &more };
    let survey = crate::panics::caught(|| libraries::windows(&places).map_err(failure))?;
    output::print(&match arguments.format {
        Format::Json => report::windows_libraries_json(&survey).map_err(no_json)?,
        Format::Text => {
            let look = report::Look { colour: output::wants_colour(), source: &|_, _| None };
            report::windows_libraries_text(&survey, wanted(arguments), &look)
        }
    })?;
    Ok(if survey.is_good() { Outcome::Clean } else { Outcome::Findings })
}

fn failure(why: Refusal) -> Failure {
    match why {
        Refusal::Input(sentence) => Failure::Input(sentence),
        Refusal::Unsupported(sentence) => Failure::Unsupported(sentence),
    }
}

fn wanted(arguments: &Arguments) -> LibrariesLook {
    LibrariesLook { all: arguments.all, tree: arguments.tree }
}

fn of_process(arguments: &Arguments, pid: u32) -> Result<Outcome, Failure> {
    if arguments.root.is_some() {
        return Err(Failure::Input(
            "a process has a root of its own; leave out --root.".to_owned(),
        ));
    }
    let Process { root, path, mut wish, notes } = process::look(pid)?;
    wish.environment.extend(asked(arguments));
    wish.levels = levels();
    wish.is_secure = is_secure(&root, &path);
    let mut survey = follow(&root, &path, &wish)?;
    survey.notes.extend(notes);
    tell(arguments, vec![survey])
}

fn follow(root: &Root, path: &str, wish: &Wish) -> Result<Survey, Failure> {
    crate::panics::caught(|| libraries::program(root, path, wish).map_err(failure))
}

/// The bytes of a file that is text: a program begins otherwise.
fn record(path: &Path) -> Result<Option<mapped_file::Bytes>, Failure> {
    if !path.is_file() {
        return Ok(None);
    }
    let bytes = mapped_file::open(path).map_err(|error| {
        Failure::Input(format!("{}: {error}; give a file that can be read.", path.display()))
    })?;
    // Scripts begin as text as well, and no line of one is a call.
    let is_text = !bytes.iter().take(4096).any(|byte| *byte == 0);
    Ok(Some(bytes).filter(|bytes| is_text && libraries::is_trace(bytes)))
}

fn tell(arguments: &Arguments, mut surveys: Vec<Survey>) -> Result<Outcome, Failure> {
    let good = surveys.iter().all(Survey::is_good);
    // Of the programs of a record those matter that did not get something.
    if !good && !arguments.all && arguments.format == Format::Text {
        surveys.retain(|it| !it.lacks.is_empty() || !it.is_good());
    }
    output::print(&match arguments.format {
        Format::Json => report::libraries_json(&surveys).map_err(no_json)?,
        Format::Text => {
            let look = report::Look { colour: output::wants_colour(), source: &|_, _| None };
            report::libraries_text(&surveys, wanted(arguments), &look)
        }
    })?;
    Ok(if good { Outcome::Clean } else { Outcome::Findings })
}

/// The path of the program inside of the root, and the folder that it is run in.
fn inside(root: &Root, program: &Path) -> (String, String) {
    let text = program.to_string_lossy();
    if !root.is_own() {
        let path = format!("/{}", text.trim_start_matches('/'));
        // Somebody may have let the shell complete it.
        let given = program.strip_prefix(root.outside("/")).ok();
        let within = given.filter(|_| root.real(&path).is_none());
        let path = within.map_or(path, |within| format!("/{}", within.to_string_lossy()));
        return (path, "/".to_owned());
    }
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    // Without the points, which would show in every line.
    let path: PathBuf = here.join(program).components().collect();
    (path.to_string_lossy().into_owned(), here.to_string_lossy().into_owned())
}

fn environment(arguments: &Arguments, root: &Root) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    if root.is_own() {
        let own = std::env::vars_os();
        let text = |it: std::ffi::OsString| it.to_string_lossy().into_owned();
        all.extend(own.map(|(name, value)| (text(name), text(value))));
    }
    all.extend(asked(arguments));
    all
}

/// What the user adds to an environment.
fn asked(arguments: &Arguments) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = arguments.env.iter().cloned().collect();
    if let Some(list) = &arguments.library_path {
        all.insert("LD_LIBRARY_PATH".to_owned(), list.clone());
    }
    all
}

/// Set-user-ID and set-group-ID; what rights others give a file is not looked at.
fn is_secure(root: &Root, path: &str) -> bool {
    let real = root.real(path).map(|real| root.outside(&real));
    let about = real.and_then(|path| fs::metadata(path).ok());
    about.is_some_and(|about| about.permissions().mode() & 0o6000 != 0)
}

/// Which folders of glibc-hwcaps this processor can use, best first (x86-64 psABI, micro-architecture levels).
fn levels() -> Vec<String> {
    let mut levels = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        let v2 = has!("cmpxchg16b") && has!("popcnt") && has!("sse4.2") && has!("ssse3");
        let v3 = v2 && has!("avx2") && has!("bmi1") && has!("bmi2") && has!("f16c");
        let v3 = v3 && has!("fma") && has!("lzcnt") && has!("movbe");
        let v4 = v3 && has!("avx512f") && has!("avx512bw") && has!("avx512cd");
        let v4 = v4 && has!("avx512dq") && has!("avx512vl");
        for (has, name) in [(v4, "x86-64-v4"), (v3, "x86-64-v3"), (v2, "x86-64-v2")] {
            levels.extend(has.then(|| name.to_owned()));
        }
    }
    levels
}
