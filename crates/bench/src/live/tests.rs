//! Sessions with drivers that exist.

use super::*;
use std::cell::RefCell;

const READ: u32 = 0x0012_0089;
const READ_WRITE: u32 = 0x0012_019f;

fn driver(path: &str) -> Driver {
    let path = format!("{}/../../drivers/{path}.sys", env!("CARGO_MANIFEST_DIR"));
    let image = std::fs::read(&path).expect("a driver");
    let pdb = std::fs::read(std::path::Path::new(&path).with_extension("pdb")).ok();
    Driver { path, image, pdb, device: Default::default(), with: Vec::new(), installed: None }
}

/// A session and what it records.
fn session(path: &str) -> (Live, Rc<RefCell<Vec<u8>>>) {
    let record: Rc<RefCell<Vec<u8>>> = Rc::default();
    let to = record.clone();
    let sink = Box::new(move |bytes: &[u8]| {
        to.borrow_mut().extend_from_slice(bytes);
        true
    });
    (Live::start(&driver(path), &[], Some(sink)).expect("a session"), record)
}

/// The answer of a call, if there is one.
fn answer(live: &mut Live, call: CallId) -> Option<Answer> {
    let mut answers = live.answers();
    assert!(answers.iter().all(|(other, _)| *other == call), "{answers:?}");
    answers.pop().map(|(_, answer)| answer)
}

fn open(live: &mut Live, access: u32) -> FileId {
    let name = live.openable()[0].path.clone();
    let call = live.call("test", Call::Open { name, access, overwrites: false });
    answer(live, call).expect("an answer").file.expect("a file")
}

fn read(live: &mut Live, file: FileId, bytes: u32) -> CallId {
    live.call("reader", Call::Read { file, bytes, offset: None })
}

fn write(live: &mut Live, file: FileId, data: &[u8]) -> CallId {
    live.call("writer", Call::Write { file, data: data.to_vec(), offset: None })
}

fn close(live: &mut Live, file: FileId) {
    let call = live.call("test", Call::Close { file });
    assert_eq!(answer(live, call).expect("an answer").status, 0);
}

#[test]
fn a_read_waits_for_a_write() {
    let (mut live, _) = session("clean/csq-read/csq-read");
    assert_eq!(live.openable()[0].name, "CsqRead");
    assert_eq!(live.openable()[0].buffers, Buffers::Buffered);
    let before = live.account();
    let file = open(&mut live, READ_WRITE);
    let waits = read(&mut live, file, 4);
    assert_eq!((answer(&mut live, waits), live.outstanding()), (None, 1));
    let writes = write(&mut live, file, b"abcd");
    let mut answers = live.answers();
    answers.sort_by_key(|(call, _)| *call);
    assert_eq!(answers[0].1.data, b"abcd");
    assert_eq!((answers[1].0, answers[1].1.information), (writes, 4));
    close(&mut live, file);
    assert_eq!(Account { pages: 0, ..live.account() }, Account { pages: 0, ..before });
    live.end();
    assert_eq!(live.ended(), None);
}

#[test]
fn a_read_is_cancelled() {
    let (mut live, _) = session("clean/csq-read/csq-read");
    let file = open(&mut live, READ);
    let waits = read(&mut live, file, 4);
    live.cancel(waits);
    assert_eq!(answer(&mut live, waits).expect("an answer").status, status::STATUS_CANCELLED);
    // A file that is not there, a name that nobody has.
    let call = read(&mut live, file + 1, 4);
    assert_eq!(answer(&mut live, call).expect("an answer").status, status::STATUS_INVALID_HANDLE);
    let name = "\\Device\\Nobody".to_owned();
    let call = live.call("test", Call::Open { name, access: READ, overwrites: false });
    let status = answer(&mut live, call).expect("an answer").status;
    assert_eq!(status, status::STATUS_OBJECT_NAME_NOT_FOUND);
    live.end();
    assert_eq!(live.ended(), None);
}

#[test]
fn what_is_done_leaves_nothing_behind() {
    let (mut live, _) = session("clean/csq-read/csq-read");
    let mut seen = Account::default();
    for round in 0..6_000u32 {
        let file = open(&mut live, READ_WRITE);
        let waits = read(&mut live, file, 4 + round % 100);
        if round % 3 == 0 {
            live.cancel(waits);
        } else {
            write(&mut live, file, &round.to_le_bytes());
        }
        let answers = live.answers();
        let got = &answers.iter().find(|(call, _)| *call == waits).expect("an answer").1;
        match round % 3 {
            0 => assert_eq!(got.status, status::STATUS_CANCELLED),
            _ => assert_eq!(got.data, round.to_le_bytes()),
        }
        close(&mut live, file);
        match round {
            0..5_000 => seen = live.account(),
            _ => assert_eq!(live.account(), seen, "round {round}"),
        }
    }
    let state = &live.machine.state;
    let records = [state.pool.len(), state.irps.len(), state.requests.len(), state.files.len()];
    assert!(records.iter().all(|&count| count < 3_000), "{records:?}");
    live.end();
    assert_eq!(live.ended(), None);
}

#[test]
fn many_readers_wait_at_once() {
    let (mut live, _) = session("clean/csq-read/csq-read");
    let files: Vec<FileId> = (0..24).map(|_| open(&mut live, READ_WRITE)).collect();
    let readers: Vec<CallId> = files
        .iter()
        .flat_map(|&file| [0, 1, 2].map(|_| file))
        .map(|file| read(&mut live, file, 4))
        .collect();
    assert_eq!(live.outstanding(), 72);
    for (index, &reader) in readers.iter().enumerate() {
        write(&mut live, files[0], &(index as u32).to_le_bytes());
        let answers = live.answers();
        let (_, got) = answers.iter().find(|(call, _)| *call == reader).expect("the oldest reader");
        assert_eq!(got.data, (index as u32).to_le_bytes());
    }
    files.into_iter().for_each(|file| close(&mut live, file));
    live.end();
    assert_eq!(live.ended(), None);
}

#[test]
fn a_device_without_a_name_is_used_too() {
    let (mut live, _) = session("clean/hold-queue/hold-queue");
    let file = open(&mut live, READ_WRITE);
    let call = write(&mut live, file, b"wxyz");
    assert_eq!(answer(&mut live, call).expect("an answer").information, 4);
    let call = read(&mut live, file, 4);
    assert_eq!(answer(&mut live, call).expect("an answer").data.len(), 4);
    close(&mut live, file);
    live.end();
    assert_eq!(live.ended(), None);
}

/// A card whose streams have somebody on their far side.
const OUTSIDE: &str = "
model = \"fifo-card\"
[[stream]]
name = \"words\"
direction = \"both\"
width = 32
far-end = \"outside\"
fifo = 64
messages = true
";

#[test]
fn bytes_go_to_a_far_end_and_come_from_it_and_the_record_has_them() {
    let model = devices::Model::described(OUTSIDE).expect("a device");
    let mut driver = driver("clean/fifo-card/fifo-card");
    driver.device = crate::Device { name: "nowhere.toml".to_owned(), model };
    let record: Rc<RefCell<Vec<u8>>> = Rc::default();
    let to = record.clone();
    let sink = Box::new(move |bytes: &[u8]| {
        to.borrow_mut().extend_from_slice(bytes);
        true
    });
    let mut live = Live::start(&driver, &[], Some(sink)).expect("a session");
    assert_eq!((live.streams().len(), live.streams()[0].width, live.far_room(0)), (1, 4, 64));
    let resets = live.resets();
    let name = format!("{}\\words", live.openable()[0].path);
    let call = live.call("test", Call::Open { name, access: READ_WRITE, overwrites: false });
    let file = answer(&mut live, call).expect("an answer").file.expect("a file");
    // To the computer: whole words, as many as there is room for, a message at a time.
    let waits = read(&mut live, file, 100);
    assert_eq!((live.far_offer(0, b"abcde", None), live.far_offer(0, b"ab", None)), (4, 0));
    assert_eq!(answer(&mut live, waits).expect("an answer").data, b"abcd");
    let (waits, mark) = (read(&mut live, file, 100), Some(devices::Mark::Message));
    assert_eq!(live.far_offer(0, b"abcdefgh", mark), 8);
    assert_eq!(answer(&mut live, waits).expect("an answer").data, b"abcdefgh");
    live.far_offer(0, b"", Some(devices::Mark::End));
    let waits = read(&mut live, file, 100);
    assert_eq!(answer(&mut live, waits).expect("an answer").status, status::STATUS_END_OF_FILE);
    // From it: a write waits for room.
    let writes = write(&mut live, file, &[7; 100]);
    assert_eq!((answer(&mut live, writes), live.far_ready(0)), (None, 64));
    let mut got = Vec::new();
    assert_eq!((live.far_take_mark(0), live.far_take(0, 60, &mut got)), (None, 60));
    assert_eq!(live.far_take(0, 1000, &mut got), 40);
    assert_eq!((got, live.far_take_mark(0)), (vec![7; 100], Some(devices::Mark::Message)));
    assert_eq!(answer(&mut live, writes).expect("an answer").information, 100);
    close(&mut live, file);
    assert_eq!(live.far_take_mark(0), Some(devices::Mark::End));
    assert_eq!((live.far_take_mark(0), live.resets()), (None, resets));
    live.end();
    assert_eq!((live.ended(), live.far_room(0)), (None, 0));
    // Made again with what the record says of the device.
    let bytes = record.borrow();
    let record = Record::read(&bytes).expect("a record");
    let text = record.head.device.as_deref().expect("a description");
    driver.device.model = devices::Model::described(text).expect("a device");
    let again = replay_record(&driver, &record, "it.record").expect("a session");
    assert_eq!((again.finding, again.hash), (None, live.machine.hash()));
}

/// What damage, or malice, can make of a record: each is made again up to where it is damaged.
#[test]
fn events_that_nobody_would_send_do_no_harm() {
    let model = devices::Model::described(OUTSIDE).expect("a device");
    let mut driver = driver("clean/fifo-card/fifo-card");
    driver.device = crate::Device { name: "nowhere.toml".to_owned(), model };
    let record: Rc<RefCell<Vec<u8>>> = Rc::default();
    let to = record.clone();
    let sink = Box::new(move |bytes: &[u8]| {
        to.borrow_mut().extend_from_slice(bytes);
        true
    });
    let mut live = Live::start(&driver, &[], Some(sink)).expect("a session");
    let name = format!("{}\\words", live.openable()[0].path);
    live.call("test", Call::Open { name, access: READ_WRITE, overwrites: false });
    drop(live);
    let head = record.take();
    let mut seed = 1u64;
    let mut next = |most: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % most
    };
    let mut whole = 0;
    for _ in 0..150 {
        let mut bytes = head.clone();
        for _ in 0..next(30) {
            let letter = b"rwifcxtg>mz<kert"[next(16) as usize];
            bytes.push(letter);
            if b"rwifc".contains(&letter) {
                bytes.push(0); // nobody's name
            }
            // Small numbers: files, streams, lengths, calls that there are; now and then a huge one, or one
            // too few.
            let numbers = match letter {
                b'i' => 4,
                b'r' | b'w' => 3,
                b'>' | b'm' | b'z' | b'<' => 2,
                b'g' | b'e' => 0,
                _ => 1,
            };
            for _ in u64::from(next(40) == 0)..numbers {
                match next(20) {
                    0 => bytes.extend([0xff, 0xff, 0xff, 0x7f]),
                    _ => bytes.push(next(3) as u8),
                }
            }
        }
        let record = Record::read(&bytes).expect("a head");
        whole += u32::from(record.count().1.is_none());
        if let Ok(again) = replay_record(&driver, &record, "it.record") {
            assert_eq!(again.finding, None);
        }
    }
    assert!(whole > 5, "{whole}");
}

#[test]
fn a_finding_is_made_again_from_the_record() {
    let path = "buggy/irp-double-completion/irp-double-completion";
    let (mut live, bytes) = session(path);
    let file = open(&mut live, READ_WRITE);
    for _ in 0..300 {
        let waits = read(&mut live, file, 4);
        live.cancel(waits);
        live.answers();
    }
    live.set_time(12_345_678);
    let call = write(&mut live, file, b"abcd");
    let told = answer(&mut live, call).expect("an answer");
    assert_eq!(told.status, status::STATUS_IO_DEVICE_ERROR);
    let Some(Ended::Finding("irp-double-completion", title)) = live.ended() else {
        panic!("{:?}", live.ended());
    };
    // Nothing is done any more, and everybody is told.
    let call = read(&mut live, file, 4);
    assert_eq!(answer(&mut live, call).expect("an answer").status, told.status);
    let hash = live.machine.hash();
    let bytes = bytes.borrow();
    let record = Record::read(&bytes).expect("a record");
    let again = replay_record(&driver(path), &record, "it.record").expect("a session");
    let finding = again.finding.expect("the finding");
    assert_eq!((finding.title, again.hash), (title, hash));
    assert_eq!(finding.replay.as_deref(), Some("it.record"));
    assert_eq!(finding.places.len(), 2);
    assert!(finding.places.iter().all(|place| !place.stack.is_empty()), "{:?}", finding.places);
    assert!(!finding.timeline.is_empty());
    // Of another driver's it says so.
    let other = driver("clean/csq-read/csq-read");
    let refused = replay_record(&other, &record, "it.record").expect_err("another driver");
    assert!(refused.0.contains("belongs to another driver"), "{refused}");
}

#[test]
fn what_is_left_behind_is_told_at_the_end() {
    let (mut live, _) = session("buggy/irp-cancel-ignored/irp-cancel-ignored");
    let file = open(&mut live, READ_WRITE);
    let waits = read(&mut live, file, 4);
    live.cancel(waits);
    live.answers();
    live.end();
    let Some(Ended::Finding(rule, _)) = live.ended() else { panic!("nothing is told") };
    assert!(rule.starts_with("irp-"), "{rule}");
}
