//! Tests of the reader of PML, on a log written by hand: header, events, strings, processes.

use super::*;

/// Writes a log. It knows nothing of the reader.
#[derive(Default)]
struct Writer {
    strings: Vec<String>,
    processes: Vec<Vec<u8>>,
    events: Vec<Vec<u8>>,
}

fn put(to: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if to.len() < at + bytes.len() {
        to.resize(at + bytes.len(), 0);
    }
    to[at..at + bytes.len()].copy_from_slice(bytes);
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

impl Writer {
    fn string(&mut self, text: &str) -> u32 {
        self.strings.push(text.to_owned());
        self.strings.len() as u32 - 1
    }

    fn process(&mut self, index: u32, pid: u32, parent: u32, started: u64, path: &str) {
        let name = path.rsplit('\\').next().unwrap_or_default().to_owned();
        let (user, name) = (self.string("CORP\\alice"), self.string(&name));
        let (path, command) = (self.string(path), self.string(&format!("\"{path}\" /x")));
        let mut row = vec![0; 0x68];
        for (at, value) in [
            (0, index),
            (4, pid),
            (8, parent),
            (0x3c, user),
            (0x40, name),
            (0x44, path),
            (0x48, command),
        ] {
            put(&mut row, at, &value.to_le_bytes());
        }
        put(&mut row, 0x20, &started.to_le_bytes());
        self.processes.push(row);
    }

    fn event(&mut self, process: u32, operation: u16, time: u64, detail: &[u8]) {
        let mut bytes = vec![0; 0x34];
        put(&mut bytes, 0, &process.to_le_bytes());
        put(&mut bytes, 8, &1u32.to_le_bytes());
        put(&mut bytes, 12, &operation.to_le_bytes());
        put(&mut bytes, 0x1c, &time.to_le_bytes());
        put(&mut bytes, 0x28, &2u16.to_le_bytes());
        put(&mut bytes, 0x2c, &(detail.len() as u32).to_le_bytes());
        bytes.extend([0xee; 16]);
        bytes.extend(detail);
        self.events.push(bytes);
    }

    fn write(&self) -> Vec<u8> {
        let mut file = vec![0; 0x3a8];
        put(&mut file, 0, b"PML_");
        put(&mut file, 4, &9u32.to_le_bytes());
        put(&mut file, 8, &1u32.to_le_bytes());
        put(&mut file, 0xc, &utf16("PC01"));
        put(&mut file, 0x234, &(self.events.len() as u32).to_le_bytes());
        let mut offsets = Vec::new();
        for event in &self.events {
            offsets.extend((file.len() as u32).to_le_bytes());
            offsets.push(0);
            file.extend(event);
        }
        let at = file.len() as u64;
        put(&mut file, 0x248, &at.to_le_bytes());
        file.extend(offsets);
        let at = file.len() as u64;
        put(&mut file, 0x250, &at.to_le_bytes());
        let count = self.processes.len();
        let mut table = (count as u32).to_le_bytes().to_vec();
        table.extend((0..count as u32).flat_map(u32::to_le_bytes));
        let rows = 4 + 8 * count;
        table.extend((0..count).flat_map(|row| ((rows + row * 0x68) as u32).to_le_bytes()));
        self.processes.iter().for_each(|row| table.extend(row));
        file.extend(table);
        let at = file.len() as u64;
        put(&mut file, 0x258, &at.to_le_bytes());
        let mut offset = 4 + 4 * self.strings.len();
        let (mut heads, mut bodies) =
            ((self.strings.len() as u32).to_le_bytes().to_vec(), Vec::new());
        for text in &self.strings {
            let text = utf16(&format!("{text}\0"));
            heads.extend((offset as u32).to_le_bytes());
            offset += 4 + text.len();
            bodies.extend((text.len() as u32).to_le_bytes());
            bodies.extend(text);
        }
        file.extend(heads);
        file.extend(bodies);
        file
    }
}

/// 2012-04-16 22:04:07 UTC as FILETIME.
const NOON: u64 = 129_790_874_470_000_000;

fn sample() -> Writer {
    let mut writer = Writer::default();
    writer.process(1, 4, 0, NOON - 50, r"C:\Windows\explorer.exe");
    writer.process(2, 1380, 4, NOON, r"C:\Windows\sstext3d.scr");
    let mut created = vec![0; 0x34];
    put(&mut created, 0, &2u32.to_le_bytes());
    put(&mut created, 4, &1380u32.to_le_bytes());
    writer.event(1, CREATE, NOON, &created);
    let mut started = 4u32.to_le_bytes().to_vec();
    started.extend([0, 0, 4, 0x80, 0, 0, 0, 0]);
    started.extend(b"C:\\x");
    writer.event(2, START, NOON + 10, &started);
    let mut exit = 7u32.to_le_bytes().to_vec();
    exit.extend(30u64.to_le_bytes());
    exit.extend(12u64.to_le_bytes());
    exit.extend([0; 32]);
    writer.event(2, EXIT, NOON + 430_000_000, &exit);
    writer
}

/// The sample as a file: for the command line's tests, and to begin fuzzing with.
#[test]
fn the_sample_is_kept() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/records/process_monitor/sample.pml");
    let file = sample().write();
    #[expect(clippy::disallowed_methods, reason = "as golden outputs are renewed")]
    let renew = std::env::var_os("BLESS");
    if renew.is_some() {
        write_kept(path, &file);
    }
    assert!(include_bytes!("../../tests/records/process_monitor/sample.pml") == file.as_slice());
}

#[expect(clippy::disallowed_methods, reason = "renews what is kept, and only if asked to")]
fn write_kept(path: &str, file: &[u8]) {
    std::fs::write(path, file).expect("a folder of this crate");
}

#[test]
fn starts_ends_and_what_ran_before() {
    let file = sample().write();
    assert!(takes(&file));
    let record = read(&file, &Hint::default()).unwrap();
    assert_eq!(record.hosts, ["PC01"]);
    let [before, start, end] = record.events.as_slice() else { panic!("{:?}", record.events) };
    let What::Start(known) = &before.what else { panic!("what ran before") };
    assert!(known.before && before.pid == 4);
    let What::Start(made) = &start.what else { panic!("a start") };
    assert_eq!((start.pid, made.parent, made.image.name.as_str()), (1380, Some(4), "sstext3d.scr"));
    assert_eq!(start.time.civil(0).to_string(), "Mon Apr 16 22:04:07 2012");
    assert_eq!(made.user.as_deref(), Some("CORP\\alice"));
    assert_eq!(made.image.folder.as_deref(), Some("C:\\x"), "the start's own event tells it");
    let What::End(how) = &end.what else { panic!("an end") };
    assert_eq!((how.how, how.cpu), (How::Exit(7), Some(4200)));
    assert_eq!(end.time.civil(0).to_string(), "Mon Apr 16 22:04:50 2012");
}

#[test]
fn a_new_process_without_a_row_is_told_by_its_event() {
    let mut writer = Writer::default();
    writer.process(1, 4, 0, NOON - 50, r"C:\Windows\explorer.exe");
    let path = r"C:\x\new.exe";
    let mut created = vec![0; 0x32];
    put(&mut created, 0, &9u32.to_le_bytes());
    put(&mut created, 4, &77u32.to_le_bytes());
    put(&mut created, 0x2c, &[3, 2]);
    put(&mut created, 0x2e, &(0x8000 | path.len() as u16).to_le_bytes());
    put(&mut created, 0x30, &4u16.to_le_bytes());
    created.extend([0xcc; 7]);
    created.extend(path.bytes());
    created.extend(utf16("new "));
    writer.event(1, CREATE, NOON, &created);
    let record = read(&writer.write(), &Hint::default()).unwrap();
    let What::Start(start) = &record.events[1].what else { panic!("a start") };
    assert_eq!((start.image.name.as_str(), start.parent), ("new.exe", Some(4)));
    assert_eq!(start.image.command.as_ref().unwrap().text, "new ");
}

#[test]
fn an_event_outside_of_the_file_is_told_as_lost() {
    let mut file = sample().write();
    let array = u64::from_le_bytes(file[0x248..0x250].try_into().unwrap()) as usize;
    put(&mut file, array + 5, &0xffff_fff0u32.to_le_bytes());
    let record = read(&file, &Hint::default()).unwrap();
    let lost = record.events.iter().filter(|event| matches!(event.what, What::Lost(_))).count();
    assert_eq!((lost, record.events.len(), record.notes.len()), (1, 4, 1), "{:?}", record.notes);
}

#[test]
fn heads_that_are_wrong_are_refused_with_their_place() {
    let good = sample().write();
    for (at, value, field) in
        [(4, 8u32, "version"), (8, 2, "64-bit"), (0x234, 1 << 30, "number of events")]
    {
        let mut file = good.clone();
        put(&mut file, at, &value.to_le_bytes());
        let error = read(&file, &Hint::default()).unwrap_err();
        assert_eq!((error.offset, error.field), (at as u64, field));
    }
    for length in [4, 0x100, 0x3a8] {
        assert!(read(&good[..length], &Hint::default()).is_err());
    }
}

#[test]
fn cut_off_anywhere_it_never_panics() {
    let good = sample().write();
    for length in 0..good.len() {
        let _ = read(&good[..length], &Hint::default());
    }
}
