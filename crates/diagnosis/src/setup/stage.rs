//! Where the time of a section went.
//!
//! A log has times at some entries only. What lies between two of them is one gap, told by what was under
//! way when it began and by what was written meanwhile.

use evidence::setup_log::Clock;
use serde::Serialize;

/// Milliseconds of a day.
const DAY: u64 = 86_400_000;
/// Stages of a section that are kept.
const MOST: usize = 2_000;
/// Milliseconds below which nobody has read a dialog box.
const SHORTEST_PERSON: u64 = 500;

/// What takes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Somebody sits in front of a dialog box.
    Person,
    /// System Restore.
    RestorePoint,
    /// The device, or its children, stop and start.
    Device,
    /// A service is created; registry and properties are written.
    Service,
    /// The driver package is configured.
    Configure,
    /// Files are copied.
    Files,
    /// Drivers are looked for.
    Search,
    /// A signature or the policy is checked.
    Signature,
    /// The package goes into the driver store.
    Store,
    /// A class installer or co-installer runs.
    Installer,
    /// The device is finished.
    Finish,
    /// Something else.
    Other,
}

/// A part of a section's time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// What takes time.
    pub kind: Kind,
    /// In words.
    pub title: String,
    /// Milliseconds from the section's start.
    pub from: u64,
    /// Milliseconds that it takes.
    pub millis: u64,
    /// Line of the log at which it begins.
    pub line: u64,
}

/// Follows the times of a section.
#[derive(Debug, Default)]
pub struct Stages {
    all: Vec<Stage>,
    /// Time of day of the start, and of the last time.
    start: u64,
    last: u64,
    days: u64,
    begun: bool,
    /// What was under way at the last time, and its line.
    under_way: String,
    line: u64,
    /// Seen since the last time.
    restore: bool,
    asked: bool,
    service: String,
    copied: bool,
}

impl Stages {
    /// The section begins.
    pub fn begin(&mut self, clock: Clock, line: u64) {
        if !self.begun {
            (self.start, self.last) = (clock.millis.into(), clock.millis.into());
            (self.begun, self.line) = (true, line);
        }
    }

    /// A message, with or without a time.
    pub fn note(&mut self, message: &str) {
        self.restore |= message.contains("reate system restore point");
        self.asked |= message.contains("but user wants to install anyway")
            || message.contains("but user trusts the signer");
        if let Some(rest) = message.strip_prefix("Add Service: Created service '") {
            self.service = rest.trim_end_matches(['.', '\'']).to_owned();
        }
        self.copied |= message.starts_with("CopyFile:")
            || message.starts_with("Hardlinking ")
            || message.starts_with("Copying '");
    }

    /// An entry with a time. `around` is the innermost open group before the entry; `what` the entry
    /// itself, and `opens` whether that is what goes on from here.
    pub fn time(&mut self, clock: Clock, line: u64, around: &str, what: &str, opens: bool) {
        self.begin(clock, line);
        let mut now = u64::from(clock.millis);
        // An entry without milliseconds may seem to lie a little before the last one.
        if now < self.last {
            if self.last - now > DAY / 2 {
                self.days += 1;
            } else {
                now = self.last;
            }
        }
        let before = self.last;
        let elapsed = if now < before { now + DAY - before } else { now - before };
        if elapsed > 0 && self.all.len() < MOST {
            let (kind, title) = self.name(around, what, elapsed);
            let days = self.days.saturating_sub(u64::from(now < before));
            let from = (days * DAY + before).saturating_sub(self.start);
            match self.all.last_mut() {
                Some(stage) if stage.kind == kind && stage.title == title => {
                    stage.millis += elapsed
                }
                _ => self.all.push(Stage { kind, title, from, millis: elapsed, line: self.line }),
            }
        }
        (self.last, self.line) = (now, line);
        (self.restore, self.asked, self.copied) = (false, false, false);
        self.service.clear();
        if opens { what.clone_into(&mut self.under_way) } else { self.under_way.clear() }
    }

    /// The stages in order of time.
    pub fn finish(self) -> Vec<Stage> {
        self.all
    }

    fn name(&self, around: &str, what: &str, elapsed: u64) -> (Kind, String) {
        let label = if self.under_way.is_empty() { around } else { &*self.under_way };
        let say = |kind, text: &str| (kind, text.to_owned());
        if self.restore {
            return say(Kind::RestorePoint, "Windows makes a restore point");
        }
        if self.asked {
            return say(Kind::Person, "a person answers the question about the unsigned package");
        }
        if around.contains("Wizard") && elapsed >= SHORTEST_PERSON {
            return say(
                Kind::Person,
                if what.starts_with("SetupCopyOEMInf") || what.starts_with("Import Driver Package")
                {
                    "a person at the wizard chooses the folder with the driver"
                } else if what.is_empty() {
                    "a person closes the wizard"
                } else {
                    "a person at the wizard"
                },
            );
        }
        if !self.service.is_empty() {
            let title = format!(
                "service '{}' is created, registry and properties are written",
                self.service
            );
            return (Kind::Service, title);
        }
        let has = |words: &[&str]| words.iter().any(|word| label.contains(word));
        if has(&["Restarting Devices", "Restarting device"]) {
            return say(Kind::Device, "the device is restarted");
        }
        if has(&["Starting device"]) {
            return say(Kind::Device, "the device is started");
        }
        if has(&["Removing device sub-tree"]) {
            return say(Kind::Device, "the device and those below it are stopped");
        }
        if has(&["post-install"]) {
            return say(Kind::Finish, "Windows waits for what runs after the installation");
        }
        if has(&["CoInstaller", "Co-installer"]) {
            return say(Kind::Installer, "a co-installer runs");
        }
        if has(&["Default installer: Enter"]) {
            return say(Kind::Configure, "the default installer works");
        }
        if has(&["Class installer: Enter"]) {
            return say(Kind::Installer, "the class installer runs");
        }
        if has(&[
            "Build Driver List",
            "SELECTBESTCOMPATDRV",
            "Searching",
            "Select Driver",
            "Selecting",
        ]) {
            return say(Kind::Search, "drivers are looked for and compared");
        }
        if has(&["SIGNATURE", "VALIDATE", "policy check", "Policy", "Verify"]) {
            return say(Kind::Signature, "signature and policy are checked");
        }
        if has(&["Creating Install Process"]) {
            return say(Kind::Other, "the installing process starts");
        }
        if has(&[
            "Driver Package",
            "DRIVERSTORE",
            "Copy Directory",
            "SetupCopyOEMInf",
            "Publish",
            "Import",
        ]) && !has(&["Configure"])
        {
            return say(Kind::Store, "the package goes into the driver store");
        }
        if self.copied || has(&["FILE_QUEUE", "DIF_INSTALLDEVICEFILES"]) {
            return say(Kind::Files, "files are copied");
        }
        if has(&[
            "Configur",
            "Installing device",
            "Install Device",
            "DIF_INSTALLDEVICE",
            "Core Device Install",
        ]) {
            return say(Kind::Configure, "the device is configured");
        }
        if has(&["FINISHINSTALL"]) {
            return say(Kind::Finish, "the installation is finished");
        }
        let title = match label {
            "" if what.is_empty() => "until the section ends",
            "" if self.all.is_empty() => "before the first step",
            "" => "between two steps",
            _ if label.starts_with("DIF_") => {
                return (Kind::Other, format!("Windows and its installers do {label}"));
            }
            _ => label,
        };
        (Kind::Other, title.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(millis: u32) -> Clock {
        Clock { millis, fine: true }
    }

    #[test]
    fn gaps_are_named_and_add_up() {
        let mut stages = Stages::default();
        stages.begin(clock(1_000), 1);
        stages.time(clock(1_000), 2, "", "Build Driver List", true);
        stages.time(clock(3_000), 3, "Build Driver List", "Build Driver List", false);
        stages.note("Create system restore point:");
        stages.time(clock(9_000), 5, "DRIVERSTORE_IMPORT_NOTIFY_BEGIN", "x", false);
        stages.time(clock(9_100), 6, "", "Install Device: Restarting device.", true);
        stages.time(clock(12_100), 7, "", "Install Device: Restarting device completed.", false);
        let all = stages.finish();
        let kinds: Vec<(Kind, u64, u64)> =
            all.iter().map(|it| (it.kind, it.from, it.millis)).collect();
        assert_eq!(
            kinds,
            [
                (Kind::Search, 0, 2_000),
                (Kind::RestorePoint, 2_000, 6_000),
                (Kind::Other, 8_000, 100),
                (Kind::Device, 8_100, 3_000)
            ]
        );
    }

    #[test]
    fn midnight_comes_and_a_coarse_time_does_not_go_back() {
        let mut stages = Stages::default();
        stages.begin(clock(86_399_000), 1);
        stages.time(clock(500), 2, "", "Starting device", true);
        stages.time(clock(0), 3, "", "coarse", false);
        stages.time(clock(1_500), 4, "Build Driver List", "", false);
        let all = stages.finish();
        let spans: Vec<(u64, u64)> = all.iter().map(|it| (it.from, it.millis)).collect();
        assert_eq!(spans, [(0, 1_500), (1_500, 1_000)]);
    }
}
