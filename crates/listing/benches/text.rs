//! MiB of code a second on one core: decoded without text, to text, and by llvm-objdump where it is installed.
//!
//! `cargo bench -p listing -- IMAGE...`; without one, of GCC's run-time for Windows, where that is installed.
#![allow(clippy::disallowed_methods)] // The room does no I/O; this measures.

use listing::{Area, Row, Sink, Span, Stop, Syntax, Unit, boundaries, hex, list};
use std::process::{Command, Stdio};
use std::time::Instant;

const MIB: f64 = 1024.0 * 1024.0;
/// Bytes that are handed on at once.
const PIECE: usize = 1 << 16;

/// A line for each row, as the command writes it, thrown away piece by piece.
#[derive(Default)]
struct Text {
    text: Vec<u8>,
    bytes: u64,
}

impl Sink for Text {
    fn section(&mut self, _: &Area<'_>, _: u64) -> Result<(), Stop> {
        Ok(())
    }

    fn label(&mut self, _: u64, name: &str, _: &str) -> Result<(), Stop> {
        self.text.extend_from_slice(name.as_bytes());
        self.text.push(b'\n');
        Ok(())
    }

    fn source(&mut self, _: &str, _: u32) -> Result<(), Stop> {
        Ok(())
    }

    fn row(&mut self, row: &Row<'_>) -> Result<(), Stop> {
        hex::extend(row.address, 16, &mut self.text);
        self.text.extend_from_slice(b"  ");
        hex::extend_bytes(row.bytes, &mut self.text);
        self.text.push(b' ');
        self.text.extend_from_slice(row.text.as_bytes());
        self.text.extend_from_slice(row.comment.as_bytes());
        self.text.push(b'\n');
        if self.text.len() > PIECE {
            self.bytes += self.text.len() as u64;
            self.text.clear();
        }
        Ok(())
    }

    fn case(&mut self, _: usize, _: usize, _: u64, _: &str) -> Result<(), Stop> {
        Ok(())
    }
}

/// The median of some runs, in seconds.
fn median(runs: usize, mut work: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[runs / 2]
}

fn measure(file: &str) {
    let Ok(bytes) = std::fs::read(file) else { return println!("{file}: cannot be read") };
    let image = pe::Image::parse(&bytes).expect("an image");
    let (symbols, _) = symbols::Symbols::load(&bytes, None);
    let unit = Unit::of_image(&image, file, &symbols).expect("a processor that is known");
    let code: usize = unit.areas.iter().filter(|it| it.is_code).map(|it| it.bytes.len()).sum();
    let code = code as f64 / MIB;
    let runs = if code > 20.0 { 5 } else { 15 };
    let mut starts = 0usize;
    let decoded = median(runs, || {
        for area in unit.areas.iter().filter(|it| it.is_code) {
            boundaries(unit.isa, area, area.held(), |_, is_code| starts += usize::from(is_code));
        }
    });
    let text = median(runs, || {
        let listed = list(&unit, &Span::All, Syntax::Debugger, &mut Text::default());
        assert_eq!(listed, Ok(()));
    });
    print!(
        "{file}: {code:.1} MiB of code; decoded {:.0} MiB/s, to text {:.1} MiB/s",
        code / decoded,
        code / text
    );
    let objdump = || {
        Command::new("llvm-objdump")
            .args(["-d", file])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
    };
    let start = Instant::now();
    match objdump() {
        Ok(status) if status.success() => {
            println!(", llvm-objdump {:.1} MiB/s", code / start.elapsed().as_secs_f64());
        }
        _ => println!(", llvm-objdump SKIPPED: not installed"),
    }
}

fn main() {
    let named: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with("--")).collect();
    if !named.is_empty() {
        return named.iter().for_each(|file| measure(file));
    }
    let mut any = false;
    for compiler in ["x86_64-w64-mingw32-gcc", "i686-w64-mingw32-gcc"] {
        let asked = Command::new(compiler).arg("-print-file-name=libstdc++-6.dll").output();
        let Ok(asked) = asked else { continue };
        let file = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
        if std::path::Path::new(&file).is_file() {
            any = true;
            measure(&file);
        }
    }
    if !any {
        println!("SKIPPED: no image given, and GCC's run-time for Windows is not installed");
    }
}
