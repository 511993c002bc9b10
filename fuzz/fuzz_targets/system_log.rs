//! Any bytes as a log of the system: lines, records, the journal's export form, folding, what is known of messages.
#![no_main]

use diagnosis::system_log::{Folder, Source};
use evidence::system_log::{Format, MOST_LINE, Reader, is_plain_text, other_form};
use knowledge::messages::{Base, Message, shape};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = (is_plain_text(data), other_form(data));
    let Some((choice, data)) = data.split_first() else { return };
    let format = match choice % 4 {
        0 => Format::JournalExport,
        1 => Format::Plain,
        _ => Format::of(data).unwrap_or(Format::Syslog),
    };
    // Pieces of any size give the same records.
    let piece = usize::from(choice / 4).max(1);
    let read = |piece: usize| {
        let mut reader = Reader::new(format);
        let mut folder = Folder::new(Base::own());
        let mut sums = Vec::new();
        let mut take = |record: &evidence::system_log::Record<'_>| {
            assert!(record.message.len() <= MOST_LINE);
            let text = record.time.map(|time| time.to_string());
            sums.push((record.line, record.offset, text, shape(record.message, 1)));
            let message = Message { program: record.program, event: None, text: record.message };
            if let Some(found) = Base::own().find(&message) {
                let _ = Base::own().values(found.index, record.message);
            }
            folder.take(record);
        };
        for part in data.chunks(piece) {
            reader.push(part, &mut take);
        }
        reader.finish(&mut take);
        let log = folder.finish(vec![Source::of("fuzz", format.name(), &reader)]);
        let _ = report::system_log_text(
            &log,
            true,
            &report::Look { colour: false, source: &|_, _| None },
        );
        assert!(report::system_log_json("fuzz", &log, true).is_ok());
        sums
    };
    assert_eq!(read(piece), read(data.len().max(1)));
});
