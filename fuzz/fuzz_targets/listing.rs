//! Any bytes as an image, an object or a library, all of whose code is listed, both ways.
#![no_main]

use libfuzzer_sys::fuzz_target;
use listing::{Area, Row, Sink, Span, Stop, Syntax, Unit, list};
use pe::object::{Object, ObjectFile, read};

fuzz_target!(|data: &[u8]| {
    if let Ok(image) = pe::Image::parse(data) {
        let (symbols, _) = symbols::Symbols::load(data, None);
        if let Some(unit) = Unit::of_image(&image, "fuzz.sys", &symbols) {
            check(&unit);
        }
    }
    match read(data) {
        Ok(ObjectFile::Object(object)) => check_object(&object, data),
        Ok(ObjectFile::Archive(archive)) => {
            for member in &archive.members {
                if let Ok(ObjectFile::Object(object)) = &member.file {
                    check_object(object, member.content(data));
                }
            }
        }
        _ => {}
    }
});

fn check_object(object: &Object, data: &[u8]) {
    if let Some(unit) = Unit::of_object(object, data, "fuzz.obj") {
        check(&unit);
    }
}

/// Counts rows: each byte of each section is in one of them, and they are in order.
#[derive(Default)]
struct Counter {
    at: u64,
    bytes: u64,
    rows: usize,
    shown_from: u64,
}

impl Sink for Counter {
    fn section(&mut self, area: &Area<'_>, from: u64) -> Result<(), Stop> {
        (self.at, self.shown_from) = (from, area.shown_from);
        Ok(())
    }

    fn label(&mut self, _: u64, name: &str, _: &str) -> Result<(), Stop> {
        assert!(!name.is_empty());
        Ok(())
    }

    fn source(&mut self, _: &str, _: u32) -> Result<(), Stop> {
        Ok(())
    }

    fn row(&mut self, row: &Row<'_>) -> Result<(), Stop> {
        assert_eq!(row.address.wrapping_add(self.shown_from), self.at);
        assert!(!row.text.is_empty() && !row.bytes.is_empty());
        let length = row.bytes.len() as u64;
        self.at = self.at.wrapping_add(length);
        self.bytes += length;
        self.rows += 1;
        // Sections may lie over each other: what is many times as large as the file is left.
        if self.rows > 200_000 { Err(Stop) } else { Ok(()) }
    }

    fn case(&mut self, first: usize, last: usize, _: u64, _: &str) -> Result<(), Stop> {
        assert!(first <= last);
        Ok(())
    }
}

fn check(unit: &Unit<'_>) {
    let mut counter = Counter::default();
    let ended = list(unit, &Span::All, Syntax::Debugger, &mut counter);
    if ended.is_ok() {
        let held = unit.areas.iter().filter(|it| it.is_code).map(|it| it.bytes.len() as u64);
        assert_eq!(counter.bytes, held.sum::<u64>());
    }
    for area in &unit.areas {
        let _ = list(
            unit,
            &Span::Section(area.section.clone()),
            Syntax::Gas,
            &mut Counter { rows: 190_000, ..Counter::default() },
        );
        let _ = unit.function(area.start);
    }
    for place in ["DriverEntry", "fuzz+0x1000", "0x1000", ".text+4"] {
        let _ = unit.place(place);
    }
}
