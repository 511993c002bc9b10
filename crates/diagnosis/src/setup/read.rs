//! Facts out of messages, in the words of Windows 7 to 11.

use super::candidate::{Candidate, file_name};
use super::story::{Class, Directive, Service, Story};

/// What a run of indented lines belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Under {
    #[default]
    Nothing,
    HardwareIds,
    CompatibleIds,
    Candidate,
    Selected,
}

/// What earlier lines say of later ones.
#[derive(Debug, Default)]
pub struct Facts {
    under: Under,
    /// Indentation of the line that heads the run.
    indent: usize,
    candidate: Option<Candidate>,
    /// Group that was closed last.
    pub last_group: String,
    /// Whether the last line moves a file, so that the next says where to.
    moves: bool,
}

impl Facts {
    /// A group opens.
    pub fn group(&mut self, title: &str, story: &mut Story) {
        self.leave(story);
        let after = |prefix: &str| title.strip_prefix(prefix).map(str::trim);
        if let Some(name) = after("Install Inf Section [").or(after("Install Class Inf Section ["))
        {
            story.inf_sections.add(name.trim_end_matches(']').to_owned());
        } else if let Some(name) = after("Configure Driver Configuration:") {
            story.inf_sections.add(name.to_owned());
        } else if let Some(name) = after("Add Service:") {
            service(story, name);
        } else if let Some(name) = after("Installing device -")
            .or(after("Install Device -"))
            .or(after("Update Device Driver -"))
        {
            story.devices.add(name.to_owned());
        }
    }

    /// Ends a run of indented lines.
    fn leave(&mut self, story: &mut Story) {
        self.under = Under::Nothing;
        if let Some(candidate) = self.candidate.take() {
            story.candidates.add(candidate);
        }
    }

    /// An entry.
    pub fn entry(&mut self, category: &str, indent: usize, message: &str, story: &mut Story) {
        if self.under != Under::Nothing {
            if indent > self.indent && self.run(message, story) {
                return;
            }
            self.leave(story);
        }
        let moves = std::mem::take(&mut self.moves);
        if let Some(place) = message.strip_prefix("to: ") {
            if moves {
                file(story, place);
            }
            return;
        }
        self.under = match message {
            "Searching for hardware ID(s):" => Under::HardwareIds,
            "Searching for compatible ID(s):" => Under::CompatibleIds,
            "Created Driver Node:" | "Found driver match:" | "Driver Node:" => {
                self.candidate = Some(Candidate::default());
                Under::Candidate
            }
            "Selected:" | "Selected Driver:" => Under::Selected,
            _ => Under::Nothing,
        };
        self.indent = indent;
        if self.under == Under::Nothing {
            self.moves = message.starts_with("MoveFile:");
            single(category, message, story);
        }
    }

    /// A line of a run; false if it is none.
    fn run(&mut self, message: &str, story: &mut Story) -> bool {
        let field = message.split_once("- ").map(|(name, value)| (name.trim(), value.trim()));
        match (self.under, field) {
            // What has a name and a value is no identifier any more.
            (Under::HardwareIds, _) if is_identifier(message) => {
                story.hardware_ids.add(message.to_owned());
            }
            (Under::CompatibleIds, _) if is_identifier(message) => {
                story.compatible_ids.add(message.to_owned());
            }
            (Under::Candidate, Some((name, value))) => {
                if let Some(candidate) = &mut self.candidate {
                    candidate.take(name, value);
                }
            }
            (Under::Selected, Some((name, value))) => {
                let value = value.trim_start_matches('[').trim_end_matches(']');
                match name {
                    "InfFile" => value.clone_into(&mut story.driver),
                    "Section" => value.clone_into(&mut story.driver_section),
                    _ => {}
                }
            }
            _ => return false,
        }
        true
    }
}

/// Whether a line is an identifier of a device: one word.
fn is_identifier(message: &str) -> bool {
    !message.is_empty()
        && !message.contains("  ")
        && !message.ends_with(':')
        && !message.contains(" - ")
}

fn file(story: &mut Story, place: &str) {
    let place = place.trim().trim_end_matches('.').trim_matches('\'');
    let low = place.to_ascii_lowercase();
    // Packages rest in temporary folders on their way.
    if !low.contains("\\temp\\") && !low.ends_with(".tmp") && !place.is_empty() {
        story.files.add(place.to_owned());
    }
}

fn service<'a>(story: &'a mut Story, name: &str) -> Option<&'a mut Service> {
    let same = |it: &Service| it.name.eq_ignore_ascii_case(name);
    if !story.services.items.iter().any(same) {
        story.services.add(Service { name: name.to_owned(), ..Service::default() });
    }
    story.services.items.iter_mut().find(|it| same(it))
}

/// Start type of a service in words.
/// <https://learn.microsoft.com/windows-hardware/drivers/install/inf-addservice-directive>
fn start_type(digits: &str) -> String {
    let words = match digits.trim().trim_start_matches("0x").trim_start_matches('0') {
        "" => "at boot, by the loader",
        "1" => "at start of the system",
        "2" => "by itself, later",
        "3" => "on demand",
        "4" => "never: disabled",
        _ => return digits.trim().to_owned(),
    };
    words.to_owned()
}

/// Text between two marks.
fn between<'a>(message: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let rest = &message[message.find(from)? + from.len()..];
    Some(rest.find(to).map_or(rest, |at| &rest[..at]))
}

/// Properties as they are written down.
const PROPERTIES: &[&str] = &[
    "Provider name=",
    "DriverDate ",
    "DriverVersion=",
    "Class name=",
    "Manufacturer=",
    "Matching DeviceID=",
    "Strong Name=",
    "DriverDescription=",
];

fn single(category: &str, message: &str, story: &mut Story) {
    if category == "cmd" {
        message.clone_into(&mut story.command);
        return;
    }
    if let Some(name) = PROPERTIES.iter().find(|name| message.starts_with(**name)) {
        let label = name.trim_end_matches(['=', ' ']).to_owned();
        story.properties.add((label, message[name.len()..].trim().to_owned()));
        return;
    }
    if category == "reg" && message.starts_with("HK") {
        story.registry.add(message.to_owned());
        return;
    }
    directive(message, story);
    services(message, story);
    classes(message, story);
    if let Some(rest) = message.strip_prefix("Hardlinking '").or(message.strip_prefix("Copying '"))
    {
        if let Some((_, place)) = rest.split_once("' to '") {
            file(story, place);
        }
    } else if message.starts_with("Selected driver installs from section [") {
        let section = between(message, "section [", "]").unwrap_or_default();
        let inf = between(message, " in '", "'").unwrap_or_default();
        (story.driver_section, story.driver) = (section.to_owned(), inf.to_owned());
    } else if let Some(rest) = message.strip_prefix("Digital Signer Name") {
        rest.trim_start_matches([' ', '=']).clone_into(&mut story.signer);
    } else if message.contains("does not contain a catalog") || message.contains("catalog name ''")
    {
        story.no_catalog = true;
    } else if message.contains("is not digitally signed") {
        story.unsigned = true;
    } else if let Some(name) = message.strip_prefix("Installing section [") {
        story.inf_sections.add(name.trim_end_matches(['.', ']']).to_owned());
    } else if let Some(name) = message.strip_prefix("Section Name = ") {
        story.inf_sections.add(name.trim().to_owned());
    } else if let Some(class) = message.strip_prefix("Created device interface ") {
        story.interfaces.add(class.to_owned());
    } else if message.contains("Installing NULL driver") {
        story.null_driver = true;
    } else if message.contains("make all digital signatures equal") {
        story.signers_equal = true;
    } else if message.starts_with("Published '") {
        let place = between(message, "' to '", "'").unwrap_or_default();
        file_name(place).clone_into(&mut story.published);
    } else if let Some(rest) = message.strip_prefix("CoInstaller ")
        && let Some((_, what)) = rest.split_once("== ")
    {
        story.co_installers.add(what.trim().to_owned());
    }
}

/// `AddReg=Fifo_Reg  (fifo.inf line 83)`.
fn directive(message: &str, story: &mut Story) {
    let Some(front) = message.strip_suffix(')') else { return };
    let Some((text, place)) = front.rsplit_once(" (") else { return };
    let Some((inf, line)) = place.rsplit_once(" line ") else { return };
    if let Ok(line) = line.trim().parse() {
        let text = text.trim().to_owned();
        story.directives.add(Directive { inf: inf.to_owned(), line, text });
    }
}

fn services(message: &str, story: &mut Story) {
    for (mark, outcome) in [
        ("reated service '", "created"),
        ("reated new service '", "created"),
        ("pdated service '", "updated"),
    ] {
        if let Some(name) = between(message, mark, "'")
            && let Some(service) = service(story, name)
        {
            service.outcome = outcome;
        }
    }
    if let Some(rest) = message.strip_prefix("AddService=") {
        let name = rest.split([',', ' ']).next().unwrap_or_default();
        service(story, name);
    }
    let Some((name, value)) = message.split_once('=') else { return };
    let value = value.split("  (").next().unwrap_or_default().trim();
    let Some(service) = story.services.items.last_mut() else { return };
    match name.trim() {
        "StartType" | "Start Type" => service.start = start_type(value),
        "ServiceBinary" | "Image Path" => value.clone_into(&mut service.image),
        _ => {}
    }
}

fn classes(message: &str, story: &mut Story) {
    if let Some(rest) = message.strip_prefix("Installing device class: '") {
        let (name, guid) = rest.split_once("' ").unwrap_or((rest, ""));
        let guid = guid.trim_end_matches('.').to_ascii_lowercase();
        story.classes.add(Class { guid, name: name.to_owned(), what: "created" });
    } else if let Some(rest) = message.strip_prefix("Class GUID of device changed to: ") {
        let guid = rest.trim_end_matches('.').to_ascii_lowercase();
        story.classes.add(Class { guid, name: String::new(), what: "set for the device" });
    }
}
