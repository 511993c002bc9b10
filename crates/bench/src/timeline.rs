//! A run's switches as a small time line.

use crate::driver::Target;
use finding::Step;
use kernel::Record;
use schedule::Schedule;
use std::rc::Rc;

/// Lines told of one step.
const MOST_LINES: usize = 5;

/// The steps of a recorded run: one for each stretch in which one context runs.
pub(crate) fn steps(target: &Rc<Target>, records: &[Record], schedule: &Schedule) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut last = None;
    let mut preempts = false;
    for record in records {
        if record.switch {
            preempts = record.text.contains("preempted by")
                && schedule
                    .0
                    .iter()
                    .any(|deviation| record.text.contains(&format!("point {}:", deviation.point)));
            continue;
        }
        if last != Some(record.context) {
            steps.push(Step {
                context: record.name.clone(),
                processor: record.processor,
                irql: record.irql,
                point: record.points,
                does: Vec::new(),
                preempts: std::mem::take(&mut preempts),
            });
            last = Some(record.context);
        }
        if let Some(step) = steps.last_mut() {
            step.does.push(line(target, record));
        }
    }
    for step in &mut steps {
        shorten(&mut step.does);
    }
    steps
}

fn line(target: &Rc<Target>, record: &Record) -> String {
    let place = match record.stack.first() {
        Some(&address) => target.place(address, !record.exact),
        None => String::new(),
    };
    match place.rsplit_once('/') {
        Some((_, file)) => format!("{}  [{file}]", record.text.trim()),
        None if !place.is_empty() => format!("{}  [{place}]", record.text.trim()),
        None => record.text.trim().to_owned(),
    }
}

/// Keeps the first and the last lines.
fn shorten(lines: &mut Vec<String>) {
    lines.retain(|line| !line.contains(" = 0x"));
    if lines.len() > MOST_LINES {
        let left_out = lines.len() - (MOST_LINES - 1);
        lines.splice(2..lines.len() - 2, [format!("... {left_out} more")]);
    }
}
