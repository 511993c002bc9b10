//! `bugcheck install`: which driver Windows would take for a device, and what installing it would do.

use super::no_json;
use crate::catalogs::find;
use crate::driver_file;
use crate::duration;
use crate::failure::{Failure, Outcome};
use crate::infs;
use crate::output::{self, Format};
use crate::progress::Meter;
use crate::source::Sources;
use bench::{Installed, Options, Report, Verdict};
use clap::{Args, ValueEnum};
use evidence::inf::{Architecture, Device, Inf, Plan, Signature, System, rank};
use report::{Installation, Looked, Moment};
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const EXAMPLES: &str = r"Examples:
  bugcheck install widget.inf --hardware 'PCI\VEN_10EE&DEV_EBEB&SUBSYS_EBEB10EE&REV_00'
  bugcheck install old.inf new.inf --hardware 'PCI\VEN_10EE&DEV_EBEB' --compatible 'PCI\CC_FF0000'
  bugcheck install widget.inf --hardware 'ROOT\WIDGET' --os 6.1-x86 --os-build 7601 --signed none
  bugcheck install widget.inf --hardware 'ROOT\WIDGET' --log setupapi.dev.log
  bugcheck install widget.inf --hardware 'PCI\VEN_10EE&DEV_EBEB' --run --time 30s

Nothing is installed, and no file of the package is changed. IDs of the device count in the order they are
given, the most specific first, as its bus would report them.
With --run the driver that was chosen goes through the scenarios of `bugcheck test`, on a machine whose
registry holds what its INF sets: the key of its service, of its device and of its class. A replay token
names the INF and fits only while that sets the same. The device itself stays that of the bench (--device).
The exit status is 0 if a driver fits, its files lie beside the INF and a run found nothing, else 1; with
--run 3 if the driver needs what the bench lacks.";

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
    /// Run the driver of the best one in the bench, with the registry as the INF leaves it
    #[arg(long)]
    run: bool,
    /// Device that the driver drives, as for test
    #[arg(long, value_name = "MODEL|FILE.toml", requires = "run")]
    device: Option<String>,
    /// Search for this long: 500ms, 10s, 2m
    #[arg(long, value_name = "TIME", value_parser = duration::parse, requires = "run")]
    time: Option<Duration>,
    /// Stop after about this many schedules
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), requires = "run")]
    schedules: Option<u64>,
    /// Go on to the next bound although something was found
    #[arg(long, requires = "run")]
    keep_going: bool,
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
    let good = it.chosen().is_some() && missing.is_empty() && !it.is_refused_unsigned();
    let ran = match (arguments.run && good, chosen, &plan) {
        (true, Some((node, inf)), Some(plan)) => {
            Some(run_driver(arguments, &paths[node.package], inf, plan)?)
        }
        _ => None,
    };
    output::print(&match arguments.format {
        Format::Json => {
            report::install_json(&it, ran.as_ref().map(|ran| &ran.0)).map_err(no_json)?
        }
        Format::Text => {
            let look = report::Look { colour: output::wants_colour(), source: &|_, _| None };
            let mut text = report::install_text(&it, &look);
            if arguments.run && !good {
                text.push_str("\nIt was not run: Windows would not load it.\n");
            }
            if let Some((report, driver)) = &ran {
                let sources = Sources::of(driver);
                let source = |file: &str, line| sources.line(file, line);
                let look = report::Look { colour: output::wants_colour(), source: &source };
                text.push('\n');
                text.push_str(&report::test_text(report, &look));
            }
            text
        }
    })?;
    Ok(match ran.map(|(report, _)| report.verdict) {
        Some(Verdict::Unsupported) => Outcome::Unsupported,
        Some(Verdict::Findings) => Outcome::Findings,
        Some(Verdict::Clean) => Outcome::Clean,
        None if good => Outcome::Clean,
        None => Outcome::Findings,
    })
}

/// Runs the driver that `plan`, of the INF at `path`, installs; also where its image is.
fn run_driver(
    arguments: &Arguments,
    path: &str,
    inf: &Inf,
    plan: &Plan,
) -> Result<(Report, PathBuf), Failure> {
    if arguments.os.architecture != Architecture::Amd64 {
        let name = arguments.os.architecture.name();
        return Err(Failure::Unsupported(format!(
            "the bench runs drivers for x64, and this one is for {name}; leave --run out."
        )));
    }
    let installed = settings(path, inf, plan)?;
    let file = bench::function_driver(plan).map_or("", evidence::inf::Service::file);
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    // What is copied may be called otherwise in the package.
    let copy = plan.copies.iter().find(|copy| copy.name.eq_ignore_ascii_case(file));
    let source = copy.and_then(|copy| copy.source.as_deref()).unwrap_or(file);
    let driver = find(folder, source).ok_or_else(|| {
        Failure::Input(format!("{path}: its service's binary {file} does not lie beside it."))
    })?;
    let mut loaded = driver_file::load(&driver, None, arguments.device.as_deref(), &[])?;
    loaded.driver.installed = Some(installed);
    let options = Options {
        schedules: arguments.schedules,
        time: arguments.time,
        keep_going: arguments.keep_going,
        ..Options::default()
    };
    let meter = Meter::new(false);
    let tested = bench::test(&loaded.driver, &options, &|progress| meter.show(progress));
    drop(meter);
    let mut report = tested.map_err(|refused| driver_file::refused(&loaded.driver, &refused))?;
    report.notes.splice(0..0, loaded.notes);
    Ok((report, driver))
}

/// What installing `plan` leaves in the registry.
fn settings(path: &str, inf: &Inf, plan: &Plan) -> Result<Installed, Failure> {
    let class = inf.actual("ClassInstall32", Architecture::Amd64);
    let class = class.map(|section| Plan::of(inf, &section.name, Architecture::Amd64));
    Installed::of(path, inf, plan, class.as_ref())
        .map_err(|refused| Failure::Input(format!("{path}: {refused}")))
}

/// The same for the install section of a replay token.
pub(super) fn installed(path: &Path, section: &str) -> Result<Installed, Failure> {
    let inf = read(path)?;
    let name = path.display();
    if inf.section(section).is_none() {
        return Err(Failure::Input(format!("{name}: it has no section [{section}] any more.")));
    }
    let plan = Plan::of(&inf, section, Architecture::Amd64);
    settings(&name.to_string(), &inf, &plan)
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
    infs::read(path, &bytes)
}

/// Source files of a plan that do not lie beside the INF, which is in `folder`. Names have no case.
fn missing(plan: &Plan, folder: &Path) -> Vec<String> {
    let sources = plan.copies.iter().map(|it| it.source.as_ref().unwrap_or(&it.name));
    let mut lost: Vec<String> = sources.filter(|it| find(folder, it).is_none()).cloned().collect();
    lost.sort();
    lost.dedup();
    lost
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
