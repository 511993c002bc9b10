//! Prints what is known about RVAs of an image: `locate IMAGE [PDB|-] RVA...` (hexadecimal).
#![allow(clippy::disallowed_methods)] // The room does no I/O; this reads files.

use symbols::Symbols;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [image, pdb, rvas @ ..] = arguments.as_slice() else {
        return Err("usage: locate IMAGE PDB|- RVA...".into());
    };
    let pdb = if pdb == "-" { None } else { Some(std::fs::read(pdb)?) };
    let (symbols, notes) = Symbols::load(&std::fs::read(image)?, pdb);
    for note in notes {
        eprintln!("{note}");
    }
    println!("{:?}", symbols.kind());
    for rva in rvas {
        let rva = u32::from_str_radix(rva.trim_start_matches("0x"), 16)?;
        println!("{rva:#x}: {:?} {:?}", symbols.locate(rva), symbols.variable(rva));
    }
    Ok(())
}
