//! `bugcheck install`: which driver Windows would take for a device, and what installing it would do.

use super::no_json;
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format};
use clap::{Args, ValueEnum};
use evidence::inf::{Architecture, Device, Inf, Plan, Signature, System, rank};
use report::{Installation, Looked, Moment};
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

const EXAMPLES: &str = r"Examples:
  bugcheck install widget.inf --hardware 'PCI\VEN_10EE&DEV_EBEB&SUBSYS_EBEB10EE&REV_00'
  bugcheck install old.inf new.inf --hardware 'PCI\VEN_10EE&DEV_EBEB' --compatible 'PCI\CC_FF0000'
  bugcheck install widget.inf --hardware 'ROOT\WIDGET' --os 6.1-x86 --os-build 7601 --signed none
  bugcheck install widget.inf --hardware 'ROOT\WIDGET' --log setupapi.dev.log

Nothing is installed, and no file of the package is changed. IDs of the device count in the order they are
given, the most specific first, as its bus would report them.
The exit status is 0 if a driver fits and its files lie beside the INF, else 1.";

/// Rank drivers for a device as Windows would, and say what installing the best one does
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Driver packages to choose from
    #[arg(value_name = "FILE.inf", required = true)]
    infs: Vec<PathBuf>,
    /// Hardware ID of the device; may be given several times
    #[arg(long, value_name = "ID", required_unless_present = "compatible")]
    hardware: Vec<String>,
    /// Compatible ID of the device; may be given several times
    #[arg(long, value_name = "ID")]
    compatible: Vec<String>,
    /// Version of Windows and processor: x86, amd64, arm, arm64
    #[arg(long, value_name = "MAJOR.MINOR-ARCH", default_value = "10.0-amd64")]
    os: Os,
    /// Its build
    #[arg(long, value_name = "N", default_value_t = 19045)]
    os_build: u32,
    /// Kind of Windows
    #[arg(long, value_enum, default_value_t = Product::Workstation)]
    product: Product,
    /// Suites of Windows: VER_SUITE_ bits
    #[arg(long, value_name = "MASK", default_value = "0x100", value_parser = mask)]
    suite: u32,
    /// Who signed the packages; one that names no catalog is unsigned all the same
    #[arg(long, value_enum, default_value_t = Signed::Whql)]
    signed: Signed,
    /// Write what Windows would log to this file, in the form of setupapi.dev.log
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Form of the outcome
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Signed {
    /// By Microsoft, after its tests.
    Whql,
    /// By somebody whom the system trusts.
    Authenticode,
    /// By nobody.
    None,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Product {
    /// VER_NT_WORKSTATION.
    Workstation,
    /// VER_NT_DOMAIN_CONTROLLER.
    DomainController,
    /// VER_NT_SERVER.
    Server,
}

#[derive(Clone, Copy, Debug)]
struct Os {
    major: u32,
    minor: u32,
    architecture: Architecture,
}

impl FromStr for Os {
    type Err = String;

    fn from_str(text: &str) -> Result<Os, String> {
        let whole = || {
            let (version, architecture) = text.split_once('-')?;
            let (major, minor) = version.split_once('.')?;
            Some(Os {
                major: major.parse().ok()?,
                minor: minor.parse().ok()?,
                architecture: Architecture::named(architecture)?,
            })
        };
        whole().ok_or_else(|| "the form is 10.0-amd64".to_owned())
    }
}

fn mask(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u32::from_str_radix(digits, 16).map_err(|_| "give a number in hexadecimal".to_owned())
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let paths: Vec<String> = arguments.infs.iter().map(|path| path.display().to_string()).collect();
    let infs = arguments.infs.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let system = system(arguments);
    let device =
        Device { hardware: arguments.hardware.clone(), compatible: arguments.compatible.clone() };
    let signature = match arguments.signed {
        Signed::Whql => Signature::Whql,
        Signed::Authenticode => Signature::Authenticode,
        Signed::None => Signature::Unsigned,
    };
    let packages: Vec<(&Inf, Signature)> = infs.iter().map(|inf| (inf, signature)).collect();
    let ranking = rank(&packages, &device, &system);
    let chosen = ranking.nodes.first().and_then(|node| Some((node, infs.get(node.package)?)));
    let plan = chosen.map(|(node, inf)| node.plan(inf, &system));
    let folder = chosen.and_then(|(node, _)| arguments.infs.get(node.package)?.parent());
    let missing = match (&plan, folder) {
        (Some(plan), Some(folder)) => missing(plan, folder),
        _ => Vec::new(),
    };
    let looked: Vec<Looked<'_>> =
        paths.iter().zip(&infs).map(|(path, inf)| Looked { path, inf }).collect();
    let it = Installation {
        packages: &looked,
        device: &device,
        system: &system,
        ranking: &ranking,
        plan: plan.as_ref(),
        missing: &missing,
    };
    if let Some(path) = &arguments.log {
        let text = report::install_log(&it, &now());
        let fail = |error| Failure::Input(format!("{}: {error}.", path.display()));
        fs::write(path, text).map_err(fail)?;
    }
    output::print(&match arguments.format {
        Format::Json => report::install_json(&it).map_err(no_json)?,
        Format::Text => {
            let look = report::Look { colour: output::wants_colour(), source: &|_, _| None };
            report::install_text(&it, &look)
        }
    })?;
    let good = it.chosen().is_some() && missing.is_empty() && !it.is_refused_unsigned();
    Ok(if good { Outcome::Clean } else { Outcome::Findings })
}

fn system(arguments: &Arguments) -> System {
    System {
        architecture: arguments.os.architecture,
        major: arguments.os.major,
        minor: arguments.os.minor,
        build: arguments.os_build,
        product: match arguments.product {
            Product::Workstation => 1,
            Product::DomainController => 2,
            Product::Server => 3,
        },
        suite: arguments.suite,
    }
}

fn read(path: &Path) -> Result<Inf, Failure> {
    let name = path.display();
    let bytes = mapped_file::open(path)
        .map_err(|error| Failure::Input(format!("{name}: it cannot be read: {error}.")))?;
    Inf::parse(&bytes).map_err(|error| Failure::Input(format!("{name}: {error}.")))
}

/// Source files of a plan that do not lie beside the INF, which is in `folder`. Names have no case.
fn missing(plan: &Plan, folder: &Path) -> Vec<String> {
    let sources = plan.copies.iter().map(|it| it.source.as_ref().unwrap_or(&it.name));
    let mut lost: Vec<String> = sources.filter(|it| !is_there(folder, it)).cloned().collect();
    lost.sort();
    lost.dedup();
    lost
}

fn is_there(folder: &Path, name: &str) -> bool {
    let mut at = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() };
    for part in name.split(['\\', '/']).filter(|part| !part.is_empty() && *part != ".") {
        // What an INF says leads nowhere but down.
        let Ok(entries) = fs::read_dir(&at) else { return false };
        let mut names = entries.flatten().map(|entry| entry.file_name());
        let Some(own) = names.find(|own| own.to_string_lossy().eq_ignore_ascii_case(part)) else {
            return false;
        };
        at.push(own);
    }
    at.is_file()
}

/// Now, UTC.
fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let day = evidence::inf::Date::of_days(since.as_secs() / 86_400);
    let seconds = since.as_secs() % 86_400;
    Moment {
        day: format!("{:04}/{:02}/{:02}", day.year, day.month, day.day),
        time: format!(
            "{:02}:{:02}:{:02}.{:03}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60,
            since.subsec_millis()
        ),
    }
}
