//! Any bytes as an INF: sections, tokens, objections with places that the file has, plans; and as one that
//! a device is installed with, whose log is read back.
#![no_main]

use evidence::inf::{Architecture, Date, Device, Inf, Signature, Story, System, rank};
use evidence::setup_log::{Piece, Pieces, is_setup_log};
use libfuzzer_sys::fuzz_target;
use report::{Installation, Look, Looked, Moment};

const PLAIN: Look<'static> = Look { colour: false, source: &|_, _| None };

fn shown(page: &str) {
    assert!(page.chars().all(|c| c == '\n' || !c.is_control()), "{page:?}");
}

/// The first devices that the file is for, as one device that has all their identifiers.
fn device(story: &Story) -> Device {
    let models = story.devices.iter().flat_map(|devices| devices.models.iter()).take(4);
    let ids: Vec<String> = models.flat_map(|model| &model.ids).map(|id| id.value.clone()).collect();
    let (hardware, compatible) = ids.split_at(ids.len().div_ceil(2));
    Device { hardware: hardware.to_vec(), compatible: compatible.to_vec() }
}

fn install(inf: &Inf, story: &Story) {
    let device = device(story);
    let system = System {
        architecture: Architecture::Amd64,
        major: 10,
        minor: 0,
        build: 19045,
        product: 1,
        suite: 0x100,
    };
    let ranking = rank(&[(inf, Signature::Whql)], &device, &system);
    assert!(ranking.nodes.windows(2).all(|pair| pair[0].rank <= pair[1].rank));
    let plan = ranking.nodes.first().map(|node| node.plan(inf, &system));
    let packages = [Looked { path: "a.inf", inf }];
    let it = Installation {
        packages: &packages,
        device: &device,
        system: &system,
        ranking: &ranking,
        plan: plan.as_ref(),
        missing: &[],
    };
    shown(&report::install_text(&it, &PLAIN));
    report::install_json(&it, None).expect("a document");
    let at = Moment { day: "2024/02/29".to_owned(), time: "10:00:00.000".to_owned() };
    let log = report::install_log(&it, &at);
    assert!(is_setup_log(log.as_bytes()));
    // Whatever an INF says, it makes up no section.
    let sections = Pieces::new(log.as_bytes()).filter(|it| matches!(it, Piece::Section(_)));
    assert_eq!(sections.count(), 2);
}

fuzz_target!(|data: &[u8]| {
    let _ = evidence::inf::is_one(data);
    let Ok(inf) = Inf::parse(data) else { return };
    let lines = inf.lines();
    let story = Story::of(&inf, Date::parse("06/01/2025"));
    for it in &story.wrong {
        let line = usize::try_from(it.at.line).unwrap_or(usize::MAX);
        assert!(line >= 1 && (line == 1 || line <= lines.len()), "{it:?}");
        let width = lines.get(line - 1).map_or(0, |line| line.chars().count());
        let column = usize::try_from(it.at.column).unwrap_or(usize::MAX);
        assert!(column >= 1 && column <= width + 1, "{it:?}");
    }
    shown(&report::inf_text("a.inf", &inf, &story, &PLAIN));
    install(&inf, &story);
});
