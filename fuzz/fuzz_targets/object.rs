//! Any bytes as an object, a short import, a library, and as an image, with the whole explanation of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pe::object::{ObjectFile, is_object, read};
use report::Look;

fuzz_target!(|data: &[u8]| {
    let look = Look { colour: false, source: &|_, _| None };
    if let Ok(image) = pe::Image::parse_cut(data) {
        let facts = diagnosis::image::facts(&image);
        let strings = facts.version.iter().flat_map(|version| &version.strings);
        let text: usize = strings.map(|(key, value)| key.len() + value.len()).sum();
        // UTF-16 grows at most by half, and a value ends with its file.
        assert!(text <= 256 * 3 * data.len().min(0x1_0000));
        let _ = (facts.families(), facts.has_flow_guard());
        let now = signatures::Time::of_seconds(1_800_000_000);
        let signing = diagnosis::signed::image("it", &image, &facts, &[], now);
        harmless(&report::image_text("it", &facts, None, &look));
        harmless(&report::signing_text(&signing, &look));
        let _ = report::image_json("it", &facts, None, &signing, true).expect("JSON");
    }
    let _ = is_object(data);
    let Ok(it) = read(data) else { return };
    harmless(&report::object_text("it", &it, &look));
    let _ = report::object_json("it", &it, true).expect("JSON");
    check(&it, data.len());
    if let ObjectFile::Archive(archive) = &it {
        assert!(archive.members.len() <= data.len() / 60);
        for member in &archive.members {
            // Members of a thin archive are files of their own.
            assert!(archive.is_thin || member.offset + 60 + member.size <= data.len() as u64);
            match &member.file {
                Ok(file) => check(file, data.len()),
                Err(error) => assert!(error.offset <= data.len() as u64 + 0x1_0000_0000),
            }
        }
    }
});

/// A text for a terminal has no control characters but line ends.
fn harmless(text: &str) {
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
}

/// Hostile numbers may not make a small file large.
fn check(it: &ObjectFile, length: usize) {
    let ObjectFile::Object(object) = it else { return };
    assert!(object.sections.len() <= length / 40);
    assert!(object.symbols <= length / 18);
    let names = object.sections.iter().map(|it| it.name.len());
    let symbols = object.defined.iter().chain(&object.undefined).map(String::len);
    // Four times the file for each, and short names, whose bytes may become three each.
    assert!(names.sum::<usize>() + symbols.sum::<usize>() <= 12 * length);
}
