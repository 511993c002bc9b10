//! What the targets of records share.

use processes::records::{self, Hint, merge};
use processes::{Ledger, Summary, Time, Told, What};

/// Reads `data` as a record of whatever kind it is, twice over as two sources, and checks the sum.
pub fn read(data: &[u8]) {
    let modified = Some(Time(1_334_613_847_000_000_000));
    let hint = Hint { name: "trace.4711", modified, offset: 3600 };
    let Ok(record) = records::read(data, &hint) else { return };
    let starts = record.events.iter().filter(|event| matches!(event.what, What::Start(_))).count();
    let ends = record.events.iter().filter(|event| matches!(event.what, What::End(_))).count();
    let (events, _) = merge(vec![record]);
    let mut summary = Summary::new(true);
    let mut ledger = Ledger::new(1000);
    for event in events {
        ledger.take(event, &mut |entry| {
            if let Told::Stop(process) = entry.told {
                let _ = (process.identity("host"), process.lived());
            }
            summary.count(&entry);
        });
    }
    ledger.finish(Time(0), &mut |entry| summary.count(&entry));
    assert!(summary.seen <= starts as u64);
    assert_eq!(summary.ended + summary.ends_without_start, ends as u64);
    assert!(summary.seen <= summary.ended + summary.vanished + summary.open);
    let tree = summary.tree.as_ref().expect("asked for");
    assert!(tree.walk(None).len() <= tree.all().len());
}
