//! Whatever the bytes: no panic, places that are in the file, and no growth beyond measure.

use super::{CLEAN, today};
use evidence::inf::{Inf, Story};
use proptest::prelude::*;

fn hold(bytes: &[u8]) -> Result<(), TestCaseError> {
    let Ok(inf) = Inf::parse(bytes) else { return Ok(()) };
    let lines = inf.lines();
    for it in Story::of(&inf, today()).wrong {
        let line = usize::try_from(it.at.line).unwrap();
        let width = lines.get(line.wrapping_sub(1)).map_or(0, |line| line.chars().count());
        prop_assert!(line == 1 || line <= lines.len(), "{it:?}");
        prop_assert!(it.width >= 1 && it.at.column >= 1, "{it:?}");
        prop_assert!(usize::try_from(it.at.column).unwrap() <= width + 1, "{it:?}");
    }
    Ok(())
}

/// Pieces that mean something to the reader.
const PIECES: &[&str] = &[
    "[",
    "]",
    "\"",
    "\\\n",
    "\n",
    "%",
    "%%",
    ",",
    "=",
    ";",
    " ",
    "\r",
    "\0",
    "NT",
    ".",
    "$ARCH$",
    "amd64",
    "@",
    "Version",
    "Manufacturer",
    "Strings",
    "CopyFiles",
    "AddReg",
    "HKR",
    "Needs",
    "Widget",
    "\u{fc}",
    "0x10001",
];

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        hold(&bytes)?;
    }

    #[test]
    fn any_pieces(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..120)) {
        hold(pieces.concat().as_bytes())?;
    }

    #[test]
    fn the_clean_file_with_a_part_replaced(
        at in 0..CLEAN.len(),
        length in 0_usize..40,
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..6),
    ) {
        let mut bytes = CLEAN.as_bytes().to_vec();
        let end = (at + length).min(bytes.len());
        bytes.splice(at..end, pieces.concat().into_bytes());
        hold(&bytes)?;
    }
}

#[test]
fn tokens_do_not_grow_beyond_all_measure() {
    let value = "v".repeat(1 << 20);
    let text = format!("[a]\nk={}\n[Strings]\nt=\"{value}\"\n", "%t%".repeat(1000));
    assert!(Inf::parse(text.as_bytes()).unwrap_err().to_string().contains("line 2"));
}

#[test]
fn large_files_are_read_in_time() {
    let mut text = String::from("[Version]\nSignature=\"$Windows NT$\"\n[Manufacturer]\n");
    for index in 0..20_000 {
        text.push_str(&format!("m{index}=M,NTamd64,NT{index}\n"));
    }
    text.push_str("[M.NTamd64]\n");
    for index in 0..20_000 {
        text.push_str(&format!("d{index}=I{index},A\\{index}\n"));
    }
    for index in 0..20_000 {
        text.push_str(&format!("[I{index}]\nCopyFiles=F,G{index}\nAddReg=R{index}\n"));
    }
    text.push_str("[F]\n");
    for index in 0..20_000 {
        text.push_str(&format!("f{index}\n"));
    }
    // A minute of work for each of 20,000 by 20,000 would not end; this does within seconds.
    hold(text.as_bytes()).unwrap();
}
