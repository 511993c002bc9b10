//! A dry run as Windows would log it: a text log of SetupAPI, in the form of Windows 7 and later.
//!
//! The pages describe headers, sections and entries; what single entries say they leave open, and those
//! here say it in the words of the page's examples where there are any.
//! <https://learn.microsoft.com/windows-hardware/drivers/install/setupapi-text-logs>

use crate::install::{Installation, Moment, base};
use evidence::inf::{Change, Node, Plan, Service, Signature};

/// Characters of an entry, at most.
/// <https://learn.microsoft.com/windows-hardware/drivers/install/format-of-a-text-log-section-body>
const MOST: usize = 336;

/// ERROR_FILE_NOT_FOUND: a file of the package is not there.
const NOT_FOUND: u32 = 2;
/// ERROR_NO_COMPAT_DRIVERS: no driver fits.
const NO_COMPATIBLE: u32 = 0xE000_0228;
/// ERROR_NO_DRIVER_SELECTED: so none is installed.
const NONE_SELECTED: u32 = 0xE000_0203;
/// STATUS_INVALID_IMAGE_HASH: the kernel loads no image that nobody signed.
const BAD_HASH: u32 = 0xC000_0428;

struct Log<'a> {
    out: String,
    at: &'a Moment,
}

impl Log<'_> {
    /// A line as it is. Logs have one line an entry, so nothing of a file's text may break it.
    fn line(&mut self, text: &str) {
        let plain = text.chars().map(|it| if it.is_control() { ' ' } else { it });
        self.out.extend(plain.take(MOST));
        self.out.push_str("\r\n");
    }

    /// An entry: mark, category, levels of indentation, message.
    fn say(&mut self, mark: &str, category: &str, level: usize, text: &str) {
        let indent = " ".repeat(level.saturating_mul(5));
        self.line(&format!("{mark:5}{category}: {indent}{text}"));
    }

    fn tell(&mut self, category: &str, level: usize, text: &str) {
        self.say("", category, level, text);
    }

    fn open(&mut self, category: &str, level: usize, name: &str) {
        let time = self.at.time.clone();
        self.tell(category, level, &format!("{{{name}}} {time}"));
    }

    /// A group without a time.
    fn open_plain(&mut self, category: &str, level: usize, name: &str) {
        self.tell(category, level, &format!("{{{name}}}"));
    }

    fn close(&mut self, category: &str, level: usize, name: &str, code: u32) {
        let time = self.at.time.clone();
        self.tell(category, level, &format!("{{{name} - exit(0x{code:08x})}} {time}"));
    }

    fn section(&mut self, title: &str, instance: &str) {
        self.line(&format!(">>>  [{title} - {instance}]"));
        self.line(&format!(">>>  Section start {} {}", self.at.day, self.at.time));
    }

    fn end(&mut self, code: u32) {
        self.line(&format!("<<<  Section end {} {}", self.at.day, self.at.time));
        let words = if code == 0 { "SUCCESS".to_owned() } else { format!("FAILURE(0x{code:08x})") };
        self.line(&format!("<<<  [Exit status: {words}]"));
        self.line("");
    }
}

/// The log of a dry run that ends at `at`.
pub fn install_log(it: &Installation<'_>, at: &Moment) -> String {
    let mut log = Log { out: String::new(), at };
    header(&mut log, it);
    for (index, package) in it.packages.iter().enumerate() {
        import(&mut log, it, index, package.path);
    }
    device(&mut log, it);
    log.out
}

fn header(log: &mut Log<'_>, it: &Installation<'_>) {
    let system = it.system;
    log.line("[Device Install Log]");
    log.line(&format!("     OS Version = {}.{}.{}", system.major, system.minor, system.build));
    log.line("     Service Pack = 0.0");
    log.line(&format!("     Suite = 0x{:04x}", system.suite));
    log.line(&format!("     ProductType = {}", system.product));
    log.line(&format!("     Architecture = {}", system.architecture.name()));
    log.line("");
    log.line("[BeginLog]");
    log.line("");
    log.line(&format!("[Boot Session: {} {}]", log.at.day, log.at.time));
    log.line("");
}

fn import(log: &mut Log<'_>, it: &Installation<'_>, index: usize, path: &str) {
    let chosen = it.chosen().is_some_and(|node| node.package == index);
    let missing: &[String] = if chosen { it.missing } else { &[] };
    let name = base(path);
    log.section("Setup Import Driver Package", path);
    log.tell("inf", 0, &format!("Driver Store Path: {name}"));
    if let Some(package) = it.packages.get(index) {
        let value = |key: &str| package.inf.version(key).map_or("", |field| &field.value);
        log.tell("inf", 0, &format!("Provider: {}", value("Provider")));
        log.tell("inf", 0, &format!("Class GUID: {}", value("ClassGuid")));
        let ver = package.inf.section("Version").and_then(|section| section.entry("DriverVer"));
        if let Some(ver) = ver {
            log.tell("inf", 0, &format!("Driver Version: {},{}", ver.text(0), ver.text(1)));
        }
        log.tell("inf", 0, &format!("Catalog File: {}", value("CatalogFile")));
    }
    log.open("sto", 0, "Copy Driver Package");
    if let Some(plan) = it.plan.filter(|_| chosen) {
        for copy in &plan.copies {
            let source = copy.source.as_deref().unwrap_or(&copy.name);
            log.tell("flq", 1, &format!("Copying '{source}' to the driver store."));
            if missing.iter().any(|it| it == source) {
                log.say("!!!", "flq", 1, &format!("Error installing file (0x{NOT_FOUND:08x})"));
            }
        }
    }
    let code = if missing.is_empty() { 0 } else { NOT_FOUND };
    log.close("sto", 0, "Copy Driver Package", code);
    if code != 0 {
        let text =
            format!("Failed to import driver package into Driver Store. Error = 0x{code:08x}");
        log.say("!!!", "sto", 0, &text);
    }
    log.end(code);
}

fn device(log: &mut Log<'_>, it: &Installation<'_>) {
    let first = it.device.hardware.first().or(it.device.compatible.first());
    let instance = format!("{}\\0000", first.map_or("", String::as_str));
    log.section("Device Install (Hardware initiated)", &instance);
    log.tell("ndv", 0, "Retrieving device info...");
    log.tell("ndv", 0, "Searching Driver Store...");
    log.open("dvi", 0, "Build Driver List");
    for (label, all) in [
        ("Searching for hardware ID(s):", &it.device.hardware),
        ("Searching for compatible ID(s):", &it.device.compatible),
    ] {
        if !all.is_empty() {
            log.tell("dvi", 1, label);
        }
        for id in all {
            log.tell("dvi", 2, id);
        }
    }
    if (it.system.major, it.system.minor) >= (6, 1) {
        log.tell("sig", 1, "Policy is set to make all digital signatures equal.");
    }
    for node in &it.ranking.nodes {
        created(log, it, node);
    }
    log.close("dvi", 0, "Build Driver List", 0);
    let code = match (it.chosen(), it.plan) {
        (Some(node), Some(plan)) if it.missing.is_empty() => install(log, it, node, plan),
        (Some(_), _) => NOT_FOUND,
        (None, _) => {
            log.open("dvi", 0, "Select Best Driver");
            log.say("!", "dvi", 1, &format!("Selecting driver failed(0x{NO_COMPATIBLE:08x})"));
            log.close("dvi", 0, "Select Best Driver", NO_COMPATIBLE);
            NONE_SELECTED
        }
    };
    log.end(code);
}

fn created(log: &mut Log<'_>, it: &Installation<'_>, node: &Node) {
    log.tell("dvi", 1, "Created Driver Node:");
    for (label, text) in [
        ("HardwareID", node.id.clone()),
        ("InfName", it.path(node.package).to_owned()),
        ("DevDesc", node.description.clone()),
        ("Section", node.actual.clone()),
        ("Rank", format!("0x{:08x}", node.rank)),
        ("Signer Score", node.signature.name().to_owned()),
        ("DrvDate", node.date.to_string()),
        ("Version", node.version.to_string()),
    ] {
        log.tell("dvi", 2, &format!("{label:12} - {text}"));
    }
}

/// Writes what installing does; what it ends with.
fn install(log: &mut Log<'_>, it: &Installation<'_>, node: &Node, plan: &Plan) -> u32 {
    log.open("dvi", 0, "Select Best Driver");
    log.tell("dvi", 1, "Selected:");
    log.tell("dvi", 2, &format!("Description - [{}]", node.description));
    log.tell("dvi", 2, &format!("InfFile     - [{}]", it.path(node.package)));
    log.tell("dvi", 2, &format!("Section     - [{}]", node.actual));
    log.close("dvi", 0, "Select Best Driver", 0);
    log.open("dvi", 0, "Core Device Install");
    if node.signature == Signature::Unsigned {
        let text =
            "Driver package is not digitally signed, but the user wants to install it anyway.";
        log.say("!", "sig", 1, text);
    }
    log.open("dvi", 1, "Install DEVICE");
    log.tell("inf", 2, &format!("Installing section [{}]", plan.section));
    for copy in &plan.copies {
        let source = copy.source.as_deref().unwrap_or(&copy.name);
        log.tell("flq", 2, &format!("Copying '{source}' to '{}'.", copy.path));
    }
    changes(log, &plan.registry);
    for service in plan.services.iter().filter(|it| !it.name.is_empty()) {
        self::service(log, service);
    }
    for interface in &plan.interfaces {
        log.tell("dvi", 2, &format!("Created device interface {}", interface.class));
        changes(log, &interface.registry);
    }
    log.close("dvi", 1, "Install DEVICE", 0);
    if it.is_refused_unsigned() {
        let text = format!(
            "Device not started: Device has problem: 0x34 (CM_PROB_UNSIGNED_DRIVER), problem status: 0x{BAD_HASH:08x}."
        );
        log.say("!!!", "dvi", 1, &text);
    } else {
        log.tell("dvi", 1, "Device started.");
    }
    log.close("dvi", 0, "Core Device Install", 0);
    if plan.reboot {
        log.say("!", "dvi", 0, "System restart is required to complete the installation.");
    }
    0
}

fn service(log: &mut Log<'_>, it: &Service) {
    log.open_plain("inf", 2, &format!("Add Service: {}", it.name));
    for (label, number) in
        [("Service Type", it.kind), ("Start Type", it.start), ("Error Control", it.error)]
    {
        if let Some(number) = number {
            log.tell("inf", 3, &format!("{label:13} = {number}"));
        }
    }
    log.tell("inf", 3, &format!("{:13} = {}", "Image Path", it.binary));
    log.tell("inf", 3, &format!("Created new service '{}'.", it.name));
    log.tell("inf", 2, "{Add Service: exit(0x00000000)}");
    changes(log, &it.registry);
}

fn changes(log: &mut Log<'_>, all: &[Change]) {
    for it in all {
        log.tell("reg", 2, &crate::text::change_text(it));
    }
}
