//! Any bytes as an image: what moves it is the loader's law, and a plan gives it a place.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pe::{Image, NewBase};
use rebase::{Member, Moves, Place, Wish, plan};

/// Larger images are legal, but laying them out again and again would only be slow.
const LARGEST: u32 = 1 << 20;

fuzz_target!(|data: &[u8]| {
    let Ok(image) = Image::parse(data) else { return };
    let one = Member::of("one.dll", &image, true, true);
    let mut two = one.clone();
    two.path = "two.dll".to_owned();
    let members = [one, two];
    let found = plan(&members, &Wish::default());
    let is_free = members[0].moves == Moves::Freely;
    assert!(is_free || found.moved() == 0);
    let Place::At(base) = found.places[1] else { return };
    assert!(base.is_multiple_of(pe::BASE_GRANULARITY));
    if image.size_of_image() > LARGEST {
        return;
    }
    let to = NewBase { base, fixed: true, timestamp: Some(1) };
    let Ok(moved) = image.rebased(to) else { return };
    let moved = Image::parse(&moved).expect("an image");
    assert_eq!((moved.image_base(), moved.certificates()), (base, None));
    assert!(moved.checksum() == 0 || moved.checksum() == moved.computed_checksum());
});
