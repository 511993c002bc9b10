//! Outcomes made by hand, for the tests.

use crate::RuleInfo;
use bench::{Coverage, Replayed, Report, Schedules, TraceLine, Unsupported, Verdict};
use finding::{Blame, BugCheck, Finding, Frame, Place, Severity, Step, Trust};

pub(crate) const TOKEN: &str = "bc1:0123abcd:write:3-1:drivers/fifo.sys";

pub(crate) const RULE: RuleInfo<'static> = RuleInfo {
    name: "irp-double-completion",
    summary: "A request is completed once and no more.",
    why: "The first completion gives the IRP back to its owner.",
    remedy: "Decide which routine owns the request.",
    references: &["https://learn.microsoft.com/a"],
};

pub(crate) fn frame(file: &str, line: u32, function: &str, rva: u64) -> Frame {
    Frame {
        module: "fifo.sys".into(),
        rva,
        function: Some(function.into()),
        file: Some(file.into()),
        line: Some(line),
        trust: Trust::Unwound,
    }
}

pub(crate) fn bare(rva: u64) -> Frame {
    let module = "fifo.sys".into();
    Frame { module, rva, function: None, file: None, line: None, trust: Trust::Scanned }
}

pub(crate) fn step(context: &str, point: u32, irql: u8, preempts: bool, does: &[&str]) -> Step {
    let does = does.iter().map(|&what| what.to_owned()).collect();
    Step { context: context.into(), processor: u8::from(preempts), irql, point, does, preempts }
}

pub(crate) fn finding() -> Finding {
    let first =
        vec![frame("fifo.c", 97, "StoreValue", 0x1a40), frame("fifo.c", 108, "Write", 0x1b00)];
    let second = vec![frame("fifo.c", 111, "Write", 0x1b20), bare(0x1c00)];
    let meanings = ["the IRP", "", "", ""].map(str::to_owned);
    Finding {
        rule: "irp-double-completion".into(),
        blame: Blame::Driver,
        severity: Severity::Error,
        bugcheck: Some(BugCheck {
            code: 0x44,
            name: "MULTIPLE_IRP_COMPLETE_REQUESTS".into(),
            parameters: [0xffff_8000_0001_2300, 0xeae, 0, 0],
            meanings,
        }),
        title: "IRP_MJ_WRITE is completed twice".into(),
        explanation: "The write was completed in StoreValue. After that it belongs to the I/O manager, \
                      and the second completion works on an IRP that may be somebody else's already."
            .into(),
        remedy: "Complete it in one place.".into(),
        places: vec![
            Place::new("first completion", "writer", first),
            Place::new("second completion", "writer", second),
        ],
        timeline: vec![
            step("writer", 0, 0, false, &["calls IRP_MJ_WRITE", "takes the lock", "stores"]),
            step("DPC 0xffff800000000100", 3, 2, true, &["takes a value"]),
        ],
        scenario: "write".into(),
        replay: Some(TOKEN.into()),
        references: vec!["https://learn.microsoft.com/a".into()],
    }
}

pub(crate) fn unsupported() -> Unsupported {
    Unsupported {
        what: "IoGetDmaAdapter".into(),
        place: "fifo.c:300 StartDevice".into(),
        scenario: "start".into(),
    }
}

pub(crate) fn report() -> Report {
    Report {
        driver: "fifo.sys".into(),
        verdict: Verdict::Findings,
        schedules: Schedules { tried: 12_000, distinct: 2345 },
        seconds: 1.216,
        first_hit: Some(0.5),
        seed: 1,
        workers: 2,
        coverage: Coverage {
            scenarios: vec![("write".into(), 9000, Some(2)), ("read-cancel".into(), 3000, None)],
            bound_completed: None,
            functions: (9, 12),
            blocks: 77,
            not_reached: vec!["Unload".into(), "fifo.sys+0x2000".into()],
            services: Default::default(),
        },
        findings: vec![finding()],
        unsupported: vec![unsupported()],
        notes: vec!["The search was cut by time.".into()],
    }
}

pub(crate) fn clean() -> Report {
    let mut report = report();
    report.verdict = Verdict::Clean;
    report.findings.clear();
    report.unsupported.clear();
    report.notes.clear();
    report.coverage.scenarios[1].2 = Some(2);
    report.coverage.bound_completed = Some(2);
    report
}

pub(crate) fn replayed() -> Replayed {
    let line = |depth, text: &str, place: &str| TraceLine {
        context: "writer".into(),
        processor: 0,
        irql: 2,
        depth,
        text: text.into(),
        place: place.into(),
    };
    Replayed {
        finding: Some(finding()),
        unsupported: None,
        trace: vec![
            line(0, "IRP_MJ_WRITE to \\Device\\Fifo", ""),
            line(1, "IofCompleteRequest(irp)", "fifo.c:97 StoreValue"),
        ],
        hash: 0xabc,
        misfit: None,
    }
}
