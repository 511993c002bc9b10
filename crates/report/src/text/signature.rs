//! Signatures of a driver, in words: what holds, who signed when, and which Windows would load it.

use super::Look;
use super::page::{Ink, Page, clip};
use diagnosis::signed::{Link, Membership, Place, RootKind, Signature, Signing, Stamp};
use knowledge::signing::{Answer, Rule, Verdict, rules};
use signatures::authenticode::PageOutcome;
use signatures::{Check, Outcome, Time};

/// Columns of labels.
const LABEL: usize = 14;
/// Columns of a bar of the time line, and of a name before it.
const BAR: usize = 40;
const NAME: usize = 26;

/// What an image's signatures tell, as a page to follow that of the image.
pub fn signing_text(it: &Signing, look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    all(&mut page, it, "Which Windows loads it");
    page.finish()
}

/// Signatures, and which Windows loads what they sign, under this heading.
pub(super) fn all(page: &mut Page<'_>, it: &Signing, heading: &str) {
    for (index, signature) in it.signatures.iter().enumerate() {
        page.blank();
        self::signature(page, signature, (index, it.signatures.len()));
    }
    let changed = it.catalogs.iter().filter(|it| matches!(it.membership, Membership::Changed(_)));
    for catalog in changed {
        page.blank();
        let words = format!(
            "Not as {} lists it: a file of this name is in there, with another digest.",
            catalog.catalog
        );
        page.wrapped(2, 4, &[(Ink::Bad, &words)]);
        let remedy = "put back the file that was signed, or make the catalog anew (inf2cat) and have it signed.";
        page.wrapped(4, 4, &[(Ink::Faint, "To mend it: "), (Ink::Plain, remedy)]);
    }
    let absent: Vec<&str> = it
        .catalogs
        .iter()
        .filter(|it| it.membership == Membership::Absent)
        .map(|it| it.catalog.as_str())
        .collect();
    if !absent.is_empty() && !it.is_listed() {
        page.blank();
        let words = match absent.len() {
            count @ 4.. => format!("Not listed in {} or {} other catalogs.", absent[0], count - 1),
            _ => format!("Not listed in {}.", absent.join(", ")),
        };
        page.wrapped(2, 4, &[(Ink::Plain, &words)]);
    }
    for sentence in &it.irregular {
        page.wrapped(2, 4, &[(Ink::Warn, "Irregular: "), (Ink::Plain, sentence)]);
    }
    if !it.answers.is_empty() {
        page.blank();
        answers(page, it, heading);
    }
}

/// One signature. `number` is its index and how many there are.
pub(super) fn signature(page: &mut Page<'_>, it: &Signature, number: (usize, usize)) {
    let place = match &it.place {
        Place::Entry(_) => "in the file".to_owned(),
        Place::Nested(outer) => format!("nested in signature {}", outer + 1),
        Place::Catalog(name) => format!("of the catalog {name}"),
    };
    let heading = match number {
        (_, 1) => format!("Signature, {place}: "),
        (index, of) => format!("Signature {} of {of}, {place}: ", index + 1),
    };
    let (ink, verdict) = match it.is_intact() {
        true => (Ink::Good, "it fits what it signs"),
        false => (Ink::Bad, "it does not hold"),
    };
    page.wrapped(2, 4, &[(Ink::Strong, &heading), (ink, verdict)]);
    covered(page, it);
    people(page, it);
    time_line(page, it);
    for check in &it.checks {
        self::check(page, 4, check);
    }
    for (index, stamp) in it.stamps.iter().enumerate() {
        for check in &stamp.checks {
            stamp_check(page, index, stamp, check);
        }
    }
    for sentence in &it.irregular {
        page.wrapped(4, 6, &[(Ink::Warn, "Irregular: "), (Ink::Plain, sentence)]);
    }
}

fn covered(page: &mut Page<'_>, it: &Signature) {
    if let Some(measured) = &it.measured {
        let name = measured.hash.name();
        if matches!(it.place, Place::Catalog(_)) {
            page.labelled(4, LABEL, "digest", &format!("{name} {}, in the list", measured.stated));
        } else if measured.fits {
            page.labelled(
                4,
                LABEL,
                "digest",
                &format!("{name} {}, as it was signed", measured.stated),
            );
        } else {
            page.labelled(4, LABEL, "digest", &format!("{name} {}", measured.computed));
            page.labelled(4, LABEL, "signed", &format!("{name} {}: another file", measured.stated));
        }
        if let Some(words) = &measured.words {
            page.wrapped(4, 6, &[(Ink::Warn, words)]);
        }
    }
    if let Some(pages) = &it.pages {
        page.labelled(
            4,
            LABEL,
            "page hashes",
            &format!("{} ({})", page_words(&pages.outcome), pages.hash.name()),
        );
    }
    let opus = &it.opus;
    let both: Vec<&str> = opus.program.iter().chain(&opus.address).map(String::as_str).collect();
    if !both.is_empty() {
        page.labelled(4, LABEL, "program", &both.join(", "));
    }
}

/// What came of page hashes, in words.
pub(crate) fn page_words(outcome: &PageOutcome) -> String {
    match outcome {
        PageOutcome::Fit(pages) => format!("{pages} pages, all as they were signed"),
        PageOutcome::Differ { first, wrong, pages } => {
            format!("{wrong} of {pages} pages differ, the first at file offset {first:#x}")
        }
        PageOutcome::OtherPages(clause) => format!("they do not fit the image: {clause}"),
    }
}

fn people(page: &mut Page<'_>, it: &Signature) {
    if let Some(signer) = it.chain.first() {
        page.labelled(4, LABEL, "signer", &signer.subject);
        let above: Vec<&str> = it.chain.iter().skip(1).map(|link| link.name.as_str()).collect();
        if !above.is_empty() {
            page.labelled(4, LABEL, "issued by", &above.join(", by "));
        }
        let usages: Vec<&str> = signer.usages.iter().map(|usage| usage.name.as_str()).collect();
        if !usages.is_empty() {
            page.labelled(4, LABEL, "for", &usages.join(", "));
        }
        page.labelled(4, LABEL, "rests on", &trust_words(it));
    }
    for stamp in &it.stamps {
        page.labelled(4, LABEL, "stamped", &stamp_words(stamp));
    }
    if it.stamps.is_empty() {
        let words = match it.stated_time {
            Some(time) => {
                format!("none; the signer says that it was signed {time}, which proves nothing")
            }
            None => "none".to_owned(),
        };
        page.labelled(4, LABEL, "timestamp", &words);
    }
}

/// What a chain rests on, in words.
pub(crate) fn trust_words(it: &Signature) -> String {
    let root = &it.trust.root;
    if let Some(known) = &it.trust.known {
        return format!("{root}, by way of {known}, which is known by its hash");
    }
    match it.trust.kind {
        RootKind::Microsoft | RootKind::MicrosoftOther | RootKind::Cross => {
            format!("{root}, by its name only: no certificate of the chain is known by its hash")
        }
        RootKind::Commercial => {
            format!("{root}, a public authority, without Microsoft's cross-certificate")
        }
        RootKind::Test => format!("{root}, which is for tests"),
        RootKind::Own => format!("{root}, which signs itself and is none of Microsoft's"),
        RootKind::Other => {
            format!("{root}, whose certificate is not there, and which is none of Microsoft's")
        }
        RootKind::Broken => format!("nothing: the chain breaks before {root}"),
    }
}

fn stamp_words(stamp: &Stamp) -> String {
    let kind = stamp.kind.name();
    if let Some(unread) = &stamp.unread {
        return format!("a timestamp ({kind}) that cannot be read: {unread}");
    }
    let time =
        stamp.time.map_or_else(|| "at no time that it tells".to_owned(), |time| time.to_string());
    let by = stamp.chain.first().map_or("nobody known", |link| link.name.as_str());
    let holds = if stamp.holds() { "" } else { "; it does not hold" };
    format!("{time} by {by} ({kind}){holds}")
}

/// Each certificate's validity as a bar, with the time of signing in it.
fn time_line(page: &mut Page<'_>, it: &Signature) {
    let stamped = it.stamps.iter().flat_map(|stamp| &stamp.chain);
    let all: Vec<&Link> = it.chain.iter().chain(stamped).collect();
    let (Some(start), Some(end)) =
        (all.iter().map(|link| link.not_before).min(), all.iter().map(|link| link.not_after).max())
    else {
        return;
    };
    let signed = it.signed_at.or(it.stated_time);
    let start = signed.map_or(start, |time| start.min(time));
    let end = signed.map_or(end, |time| end.max(time));
    let mark = match (it.signed_at, it.stated_time) {
        (Some(time), _) => format!("; S: signed by {}, as the stamp proves", time.day()),
        (None, Some(time)) => format!("; S: signed {}, as the signer says", time.day()),
        (None, None) => String::new(),
    };
    page.line(
        4,
        &[
            (Ink::Strong, "Time line"),
            (Ink::Faint, &format!(" {} to {}{mark}", start.day(), end.day())),
        ],
    );
    let mut shown: Vec<&str> = Vec::new();
    for link in all {
        if shown.contains(&link.thumbprint.as_str()) {
            continue;
        }
        shown.push(&link.thumbprint);
        let bar = bar(link, (start, end), signed);
        let holds = signed.is_none_or(|time| time >= link.not_before && time <= link.not_after);
        let ink = if holds { Ink::Plain } else { Ink::Bad };
        let name = format!("{:NAME$} ", clip(&link.name, NAME));
        let span = format!(" {} to {}", link.not_before.day(), link.not_after.day());
        page.line(6, &[(Ink::Plain, &name), (ink, &bar), (ink, &span)]);
    }
}

fn bar(link: &Link, (start, end): (Time, Time), signed: Option<Time>) -> String {
    let whole = end.seconds.saturating_sub(start.seconds).max(1);
    let last = i64::try_from(BAR).unwrap_or(1) - 1;
    let column = |time: Time| {
        let of = i128::from(time.seconds.saturating_sub(start.seconds)) * i128::from(last)
            / i128::from(whole);
        usize::try_from(of.clamp(0, i128::from(last))).unwrap_or(0)
    };
    let (from, until) = (column(link.not_before), column(link.not_after));
    let mut cells: Vec<char> =
        (0..BAR).map(|at| if (from..=until).contains(&at) { '=' } else { '.' }).collect();
    if let Some(cell) = signed.and_then(|time| cells.get_mut(column(time))) {
        *cell = 'S';
    }
    cells.into_iter().collect()
}

fn check(page: &mut Page<'_>, indent: usize, it: &Check) {
    let (ink, label) = match it.result {
        Outcome::Passed => return,
        Outcome::Failed => (Ink::Bad, "Failed: "),
        Outcome::NotDone => (Ink::Warn, "Not checked: "),
    };
    let words = format!("{}: {}.", it.name, it.words);
    page.wrapped(indent, indent + 2, &[(ink, label), (Ink::Plain, &words)]);
    if let Some(remedy) = &it.remedy {
        page.wrapped(
            indent + 2,
            indent + 2,
            &[(Ink::Faint, "To mend it: "), (Ink::Plain, remedy), (Ink::Plain, ".")],
        );
    }
}

fn stamp_check(page: &mut Page<'_>, index: usize, stamp: &Stamp, it: &Check) {
    if it.result != Outcome::Passed {
        let words = format!("Of timestamp {} ({}):", index + 1, stamp.kind.name());
        page.wrapped(4, 6, &[(Ink::Strong, &words)]);
        check(page, 6, it);
    }
}

/// Which systems load the driver, those together for which the same is said.
fn answers(page: &mut Page<'_>, it: &Signing, heading: &str) {
    page.heading(2, heading);
    let mut groups: Vec<(Vec<&str>, &Answer)> = Vec::new();
    let same = |a: &Answer, b: &Answer| a.rule.name == b.rule.name && a.settings().eq(b.settings());
    for answer in &it.answers {
        match groups.iter_mut().find(|(_, first)| same(first, answer)) {
            Some((names, _)) => names.push(&answer.system.name),
            None => groups.push((vec![&answer.system.name], answer)),
        }
    }
    for (names, answer) in &groups {
        let (ink, verdict) = match answer.verdict {
            Verdict::Loads => (Ink::Good, "loads"),
            Verdict::Depends => (Ink::Warn, "depends"),
            Verdict::Unknown => (Ink::Warn, "not known"),
            Verdict::Refused => (Ink::Bad, "refused"),
        };
        let verdict = format!("{verdict:11}");
        page.line(4, &[(ink, &verdict), (Ink::Strong, &names.join("; "))]);
        if it.signatures.len() > 1 && answer.verdict != Verdict::Refused {
            let which = format!("By signature {}. ", answer.signature + 1);
            page.wrapped(15, 15, &[(Ink::Plain, &which), (Ink::Plain, &answer.rule.says)]);
        } else {
            page.wrapped(15, 15, &[(Ink::Plain, &answer.rule.says)]);
        }
        for setting in answer.settings() {
            page.wrapped(
                15,
                17,
                &[(Ink::Warn, "Only if "), (Ink::Plain, setting), (Ink::Plain, ".")],
            );
        }
        if let Some(remedy) = &answer.rule.remedy {
            page.wrapped(15, 17, &[(Ink::Faint, "To mend it: "), (Ink::Plain, remedy)]);
        }
    }
    let mut notes: Vec<&Rule> = Vec::new();
    for note in it.answers.iter().flat_map(|answer| &answer.notes) {
        if !notes.iter().any(|other| other.name == note.name) {
            notes.push(note);
        }
    }
    for note in notes {
        page.wrapped(4, 6, &[(Ink::Faint, "Note: "), (Ink::Plain, &note.says)]);
    }
    let unknown: Vec<&str> = rules().unknown.iter().map(|it| it.says.as_str()).collect();
    let unknown = format!("{}.", unknown.join("; "));
    page.wrapped(4, 6, &[(Ink::Faint, "Not known: "), (Ink::Plain, &unknown)]);
    let mut pages: Vec<&str> = Vec::new();
    for (_, answer) in &groups {
        for name in &answer.rule.pages {
            if !pages.contains(&rules().page(name)) {
                pages.push(rules().page(name));
            }
        }
    }
    page.line(4, &[(Ink::Faint, "By these pages:")]);
    for address in pages {
        page.line(6, &[(Ink::Place, address)]);
    }
}
