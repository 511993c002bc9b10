//! The entries that come with bugcheck, and what is said of wrong ones.

use super::*;

fn source(name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), text: text.to_owned() }
}

#[test]
fn every_entry_is_complete_and_its_example_is_it() {
    let own: Vec<Source> = sources().collect();
    // Given once more they take the place of themselves.
    let faults = check(&own);
    let all: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn mistakes_have_a_place() {
    let good = "literal = \"bad thing happened\"\nseverity = \"error\"\ntitle = \"A bad thing\"\n\
                meaning = \"Something bad happened.\"\nremedy = \"Do something good.\"\n\
                references = \"https://example.org/\"\nexample = \"a bad thing happened here\"\n";
    assert_eq!(check(&[source("a/bad-thing.toml", good)]), []);
    let cases = [
        ("severity = \"error\"", "severity = \"awful\"", 2, "awful"),
        ("severity", "severitas", 2, "severitas"),
        ("literal = ", "pattern = '(' # ", 1, "found by `literal`"),
        ("literal = ", "pattern = '('\nliteral = ", 1, "unclosed group"),
        ("good.\"", "good\"", 5, "full stop"),
        ("thing happened here", "thing occurred here", 7, "is not it"),
    ];
    for (from, to, line, problem) in cases {
        let faults = check(&[source("a/bad-thing.toml", &good.replacen(from, to, 1))]);
        assert_eq!(faults.len(), 1, "{to}: {faults:?}");
        assert_eq!(faults[0].line, line, "{to}: {faults:?}");
        assert!(faults[0].problem.contains(problem), "{to}: {faults:?}");
    }
    let faults = check(&[source("a/Bad_Thing.toml", good)]);
    assert!(faults[0].problem.contains("small letters"), "{faults:?}");
    let depends = good.replace("here", "7 times") + "pattern = 'happened 7 times'\n";
    let faults = check(&[source("a/bad-thing.toml", &depends)]);
    assert!(faults[0].problem.contains("depends on numbers"), "{faults:?}");
}

#[test]
fn an_entry_of_ones_own_takes_the_place_of_ours() {
    let own = &Base::own().entries()[0];
    let file = own.file.clone();
    let text = sources().find(|it| it.name == file).unwrap().text;
    let title = format!("title = {:?}", own.title);
    assert!(text.contains(&title), "{title}");
    let base = Base::with(&[source(&file, &text.replace(&title, "title = \"Mine\""))]);
    assert_eq!(base.ok().unwrap().entry(&own.id).unwrap().title, "Mine");
}

#[test]
fn numbers_do_not_matter_and_words_do() {
    let same = [
        ("ata3.00: failed", "ata12.01: failed"),
        ("radeon 0000:01:00.0: ffff8802d0aa1a00 reserve", "radeon 0000:02:00.0: ffff8801 reserve"),
        ("mac 00:1b:21:ab:cd:ef up", "mac ab:cd:ef:00:11:fe up"),
        ("uuid 5f2c0b9e-abcd-4a5b-beef-0123456789ab", "uuid 0f2c0b9e-1234-4a5b-8eef-abcdef678901"),
        ("nvme0n1: I/O 12", "nvme1n2: I/O 4444"),
        ("status 0xdead1", "status 0x7"),
        ("took 12ms", "took 1400ms"),
    ];
    for (one, other) in same {
        assert_eq!(shape(one.as_bytes(), 1), shape(other.as_bytes(), 1), "{one} | {other}");
    }
    let different = [
        ("error -110", "error -71"),
        ("a 1 b", "a b 1"),
        ("read failed 1", "write failed 1"),
        ("abcdefgh1", "abcdefgh"),
        ("x", ""),
        ("reads 12345678 a", "reads 12345678 b"),
    ];
    for (one, other) in different {
        assert_ne!(shape(one.as_bytes(), 1), shape(other.as_bytes(), 1), "{one} | {other}");
    }
    assert_ne!(shape(b"a", 1), shape(b"a", 2));
}

fn fact(name: &str, device: &str, seconds: i64) -> Fact {
    let values = [("device".to_owned(), device.to_owned())].into();
    Fact { name: name.to_owned(), values, time: Some(seconds * 1_000_000), ..Fact::default() }
}

#[test]
fn facts_go_together_by_order_time_and_values() {
    let part = |name: &str| Part { is: vec![name.to_owned()], with: Values::new() };
    let together = Together {
        parts: vec![part("cause"), part("effect")],
        same: vec!["device".to_owned()],
        within: Some(10_000_000),
        ordered: true,
        ..Together::default()
    };
    let find = |facts: &[Fact]| together.find(facts);
    assert_eq!(find(&[fact("effect", "a", 5), fact("cause", "a", 0)]), Some(vec![1, 0]));
    assert_eq!(find(&[fact("cause", "a", 5), fact("effect", "a", 0)]), None, "order");
    assert_eq!(find(&[fact("cause", "a", 0), fact("effect", "a", 11)]), None, "time");
    assert_eq!(find(&[fact("cause", "a", 0), fact("effect", "b", 1)]), None, "device");
    let both = [fact("cause", "b", 0), fact("cause", "a", 0), fact("effect", "a", 1)];
    assert_eq!(find(&both), Some(vec![1, 2]), "another cause is tried");
    // As many as there are, it comes to an end.
    let many: Vec<Fact> = (0..2000).map(|at| fact("cause", &at.to_string(), 0)).collect();
    let together = Together { parts: vec![part("cause"); 8], ..together };
    assert_eq!(together.find(&many), None);
}

#[test]
fn each_effect_has_its_nearest_cause() {
    let part = |name: &str| Part { is: vec![name.to_owned()], with: Values::new() };
    let parts = vec![part("cause"), part("effect")];
    let shared = vec!["device".to_owned()];
    let together = Together { parts: parts.clone(), shared, ordered: true, ..Together::default() };
    let facts = [
        fact("cause", "a", 0),
        fact("cause", "a", 7),
        fact("effect", "a", 9),
        fact("effect", "b", 9),
        Fact { values: Values::new(), ..fact("effect", "", 9) },
        fact("effect", "A", 3),
    ];
    // One of another device, and one of which no device is known, belong to none.
    assert_eq!(together.all(&facts), vec![vec![1, 2], vec![0, 5]]);
    let differ = vec!["device".to_owned()];
    let together = Together { parts, differ, ..Together::default() };
    assert_eq!(together.all(&facts), vec![vec![1, 3]]);
}
