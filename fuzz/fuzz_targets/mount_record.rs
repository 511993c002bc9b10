//! Any bytes as the record of a session; and as what came from outside in a session of a card of streams,
//! which is then made again.
#![no_main]

use bench::live::{Live, Record};
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;
use std::rc::Rc;

const DRIVER: &[u8] = include_bytes!("../../drivers/clean/fifo-card/fifo-card.sys");
const CARD: &str = "model = \"fifo-card\"
[[stream]]
name = \"a\"
direction = \"both\"
width = 16
far-end = \"outside\"
fifo = 64
messages = true
[[stream]]
name = \"b\"
direction = \"both\"
mode = \"asynchronous\"
far-end = \"loop-back\"
fifo = 64
buffer-bytes = 64
";
/// Bytes of events that a session is made of: each run sets one up twice.
const MOST_EVENTS: usize = 4096;

fn driver() -> Option<bench::Driver> {
    let model = devices::Model::described(CARD).ok()?;
    Some(bench::Driver {
        path: "fifo-card.sys".to_owned(),
        image: DRIVER.to_vec(),
        pdb: None,
        device: bench::Device { name: "card.toml".to_owned(), model },
        with: Vec::new(),
        installed: None,
    })
}

/// The head of a record of the driver's.
fn head(driver: &bench::Driver) -> Vec<u8> {
    let bytes: Rc<RefCell<Vec<u8>>> = Rc::default();
    let to = bytes.clone();
    let sink = Box::new(move |more: &[u8]| {
        to.borrow_mut().extend_from_slice(more);
        true
    });
    drop(Live::start(driver, &[], Some(sink)));
    bytes.take()
}

thread_local! {
    static MADE: Option<(bench::Driver, Vec<u8>)> = driver().map(|driver| {
        let head = head(&driver);
        (driver, head)
    });
}

fuzz_target!(|data: &[u8]| {
    if let Ok(record) = Record::read(data) {
        record.count();
        if let Some(text) = &record.head.device {
            let _ = devices::Model::described(text);
        }
    }
    let events = &data[..data.len().min(MOST_EVENTS)];
    MADE.with(|made| {
        let Some((driver, head)) = made else { return };
        let bytes = [head, events].concat();
        if let Ok(record) = Record::read(&bytes) {
            let _ = bench::live::replay_record(driver, &record, "fuzz.record");
        }
    });
});
