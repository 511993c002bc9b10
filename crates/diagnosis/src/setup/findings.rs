//! A section that went wrong as a finding.

use super::story::Story;
use finding::{Blame, Finding, Severity};

/// Codes with what to do about them.
struct Advice {
    codes: &'static [u32],
    blame: Blame,
    remedy: &'static str,
    reference: &'static str,
}

/// SetupAPI's codes are those of setupapi.h, the others those of winerror.h.
const ADVICE: &[Advice] = &[
    Advice {
        codes: &[0xe000_0228, 0x800f_0228, 0xe000_0203, 0x800f_0203],
        blame: Blame::Driver,
        remedy: "No INF that the machine has fits the device. Compare the hardware IDs of this section with the \
                 Models section of your INF, and look at the decoration behind the manufacturer's line: it has \
                 to name this architecture and version of Windows. Then install the package, with pnputil \
                 /add-driver, or show the wizard its folder.",
        reference: "https://learn.microsoft.com/windows-hardware/drivers/install/inf-models-section",
    },
    Advice {
        codes: &[
            0x800b_0109,
            0xe000_0247,
            0x800f_0247,
            0xe000_023f,
            0x800f_023f,
            0xe000_0240,
            0x800f_0240,
            0xe000_0244,
            0x800f_0244,
            0x800b_0101,
            0x800b_0100,
            0x8009_6010,
        ],
        blame: Blame::Driver,
        remedy: "Windows does not accept the signature of the package. Sign the catalog with a certificate that \
                 this machine trusts, with a time stamp; for 64-bit Windows 10 and later a driver needs the \
                 signature of Microsoft's hardware portal. Make the catalog anew after each change of a file.",
        reference: "https://learn.microsoft.com/windows-hardware/drivers/install/troubleshooting-device-and-driver-installations",
    },
    Advice {
        codes: &[0xe000_022f, 0x800f_022f, 0xe000_024b, 0x800f_024b],
        blame: Blame::Driver,
        remedy: "The package has no catalog that fits its files. Name one in the INF with CatalogFile, make it \
                 with Inf2Cat, sign it, and deliver it beside the INF.",
        reference: "https://learn.microsoft.com/windows-hardware/drivers/install/catalog-files",
    },
    Advice {
        codes: &[0xe000_0242, 0x800f_0242, 0xe000_0243, 0x800f_0243],
        blame: Blame::Environment,
        remedy: "The publisher is not one that this machine trusts yet, and nobody could be asked. Put the \
                 publisher's certificate into the machine's store of trusted publishers before, or have the \
                 package signed by Microsoft.",
        reference: "https://learn.microsoft.com/windows-hardware/drivers/install/trusted-publishers-certificate-store",
    },
    Advice {
        codes: &[0xe000_0248, 0x800f_0248, 0xe000_0249, 0x800f_0249],
        blame: Blame::Environment,
        remedy: "A policy of this machine forbids to install the device. Whoever administers it has to allow its \
                 class or its hardware IDs (Device Installation Restrictions).",
        reference: "https://learn.microsoft.com/windows-hardware/drivers/install/system-defined-device-setup-classes-available-to-vendors",
    },
];

/// What went wrong in a section, if anything did.
pub fn of(story: &Story) -> Option<Finding> {
    if !story.is_wrong() {
        return None;
    }
    let cause = story.cause();
    let code = cause.and_then(|cause| cause.codes.first()).or(story.code.as_ref());
    let all = cause.iter().flat_map(|cause| &cause.codes).chain(&story.code);
    let advice = all
        .filter_map(|code| ADVICE.iter().find(|advice| advice.codes.contains(&code.value)))
        .next();
    let what = match code {
        Some(code) if !code.meaning.is_empty() => format!("{} ({})", code.meaning, code.name),
        Some(code) if !code.name.is_empty() => code.name.clone(),
        Some(code) => format!("code 0x{:08x}", code.value),
        None => cause.map(|cause| cause.text.clone()).unwrap_or_default(),
    };
    let whom = if story.instance.is_empty() { &story.title } else { &story.instance };
    let stands = cause
        .is_some_and(|cause| cause.text.contains("problem:") || cause.text.contains("not started"));
    let is_device_problem =
        stands && code.is_some_and(|code| code.space == knowledge::Space::CmProb.title());
    let remedy = match advice {
        Some(advice) => advice.remedy,
        None if is_device_problem => {
            "The installation is done and the device does not run. Start the driver under the bench, or look at \
             what its AddDevice and its handling of IRP_MN_START_DEVICE return; the problem's status says more."
        }
        None => {
            "Read the section from the first cause on: --section with its number shows all of it."
        }
    };
    let explanation = match cause {
        Some(cause) => format!("Section {}, line {}: {}", story.number, cause.line, cause.text),
        None => {
            format!("Section {}, line {}: it ends with {}", story.number, story.line, story.exit)
        }
    };
    Some(Finding {
        rule: if is_device_problem { "device-not-started" } else { "setup-failed" }.to_owned(),
        blame: advice
            .map_or(if is_device_problem { Blame::Driver } else { Blame::Unknown }, |advice| {
                advice.blame
            }),
        severity: Severity::Error,
        bugcheck: None,
        title: format!("{whom}: {what}"),
        explanation,
        remedy: remedy.to_owned(),
        places: Vec::new(),
        timeline: Vec::new(),
        scenario: String::new(),
        replay: None,
        references: advice.iter().map(|advice| advice.reference.to_owned()).collect(),
    })
}
