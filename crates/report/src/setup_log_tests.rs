//! Explained logs of SetupAPI in every form, and logs that mean harm.

#![allow(clippy::disallowed_methods, reason = "the room does no I/O, its goldens are files")]

use crate::escape::is_hazardous;
use crate::{Look, setup_log_html, setup_log_json, setup_log_text};
use diagnosis::setup::{SetupLog, Wanted, diagnose};

/// Of our own making, in the form of Windows 10: a package that is refused, a device that does not start,
/// and an end that is cut off.
const LOG: &[u8] = include_bytes!("golden/setupapi.dev.log");

const PLAIN: Look<'static> = Look { colour: false, source: &|_, _| None };

/// Compares with a file in `golden`; `BLESS=1` writes it anew.
fn golden(name: &str, text: &str) {
    let path = format!("{}/src/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{path}; renew it with BLESS=1\n{text}");
}

fn told(wanted: Wanted) -> SetupLog {
    diagnose(LOG, wanted)
}

#[test]
fn what_failed_comes_first_and_everything_on_demand() {
    let text = setup_log_text("setupapi.dev.log", &told(Wanted::Usual), false, &PLAIN);
    golden("setup-log.txt", &text);
    let all = setup_log_text("setupapi.dev.log", &told(Wanted::All), true, &PLAIN);
    golden("setup-log-all.txt", &all);
}

#[test]
fn a_document_and_a_page() {
    let log = told(Wanted::Usual);
    let document = setup_log_json("setupapi.dev.log", &log, false).unwrap();
    golden("setup-log.json", &document);
    let line = setup_log_json("setupapi.dev.log", &log, true).unwrap();
    assert_eq!(line.lines().count(), 1);
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(parse(&line), parse(&document));
    golden("setup-log.html", &setup_log_html("setupapi.dev.log", &log));
}

/// Every place of a log that text may stand in, filled with `evil`.
fn hostile(evil: &str) -> String {
    format!(
        "[Device Install Log]\n     OS Version = {evil}\n[BeginLog]\n\
         >>>  [Device Install (Hardware initiated) - {evil}]\n\
         >>>  Section start 2024/02/29 09:31:10.000\n      cmd: {evil}\n\
         \x20    dvi: {{{evil}}} 09:31:11.000\n\
         \x20    dvi:      Searching for hardware ID(s):\n     dvi:           {evil}\n\
         \x20    dvi:      Created Driver Node:\n     dvi:           InfName      - {evil}\n\
         \x20    dvi:           Rank         - 0x00ff0000\n     dvi:           Section      - {evil}\n\
         \x20    dvi:           Status       - Selected\n\
         \x20    dvi:           Signer Score - {evil}\n     dvi:           DrvDate      - {evil}\n\
         \x20    dvi:      Class GUID of device changed to: {evil}.\n\
         \x20    inf:      {{Add Service: {evil}}}\n     inf:      Image Path = {evil}\n\
         \x20    flq:      Copying 'a' to '{evil}'.\n     inf:      {evil}  ({evil} line 3)\n\
         \x20    reg:      HKR {evil} = REG_SZ \"{evil}\"\n     dvi:      Provider name={evil}\n\
         \x20    dvi:      CoInstaller 1: == {evil}\n     dvi:      Created device interface {evil}\n\
         !!!  dvi:      {evil} failed (0xe0000203) 09:31:14.000\n\
         <<<  Section end 2024/02/29 09:31:17.820\n<<<  [Exit status: FAILURE({evil})]\n"
    )
}

#[test]
fn no_text_of_a_log_reaches_a_terminal_or_a_browser_as_it_is() {
    for evil in [
        "\x1b]0;x\x07\x1b[2J",
        "<script>alert(1)</script>",
        "\" onmouseover=\"alert(1)",
        "'><img src=x onerror=alert(1)>",
        "a\u{202e}b\u{200b}c\u{9b}d",
        "&lt;b&gt;",
        "</style></title><b>",
    ] {
        let log = hostile(evil);
        for wanted in [Wanted::Usual, Wanted::All] {
            let log = diagnose(log.as_bytes(), wanted);
            let [story] = &log.stories[..] else { panic!("{evil:?}") };
            assert!(!story.files.items.is_empty() && !story.candidates.items.is_empty());
            let text = setup_log_text(evil, &log, true, &PLAIN);
            assert!(!text.contains(|c| c != '\n' && is_hazardous(c)), "{text:?}");
            let page = setup_log_html(evil, &log);
            assert!(!page.contains(|c| c != '\n' && is_hazardous(c)), "{page:?}");
            let clean = setup_log_html("x", &diagnose(hostile("x").as_bytes(), wanted));
            // The same markup, whatever the text is.
            assert_eq!(page.matches('<').count(), clean.matches('<').count(), "{evil:?}: {page}");
            assert_eq!(page.matches('"').count(), clean.matches('"').count(), "{evil:?}: {page}");
            let document = setup_log_json(evil, &log, true).unwrap();
            let again: serde_json::Value = serde_json::from_str(&document).unwrap();
            assert_eq!(again["stories"][0]["command"].as_str(), Some(story.command.as_str()));
        }
    }
}

#[test]
fn lines_keep_to_the_width() {
    let log = hostile(&"word ".repeat(60));
    let text = setup_log_text("a.log", &diagnose(log.as_bytes(), Wanted::All), true, &PLAIN);
    for line in text.lines() {
        assert!(line.chars().count() <= 100 && line.trim_end() == line, "{line}");
    }
}
