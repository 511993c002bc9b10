//! Compiles and links one driver, so that the result is the same to the bit in any folder.
//!
//! What would otherwise differ: the checkout's path (compiled with a path relative to it, and
//! mapped away), the scratch folder's path (linked inside it, with relative names only), the time.

use crate::drivers::Driver;
use crate::image;
use anyhow::{Context, Result, bail};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const GCC: &str = "x86_64-w64-mingw32-gcc";
/// Of the same package as the linker.
const DLLTOOL: &str = "x86_64-w64-mingw32-dlltool";
const DDK: &str = "/usr/share/mingw-w64/include/ddk";
/// Import library of what mingw-w64's lacks; `drivers/include/ntoskrnl-more.def` lists it. Only
/// drivers that include `expect.h` are linked with it.
const MORE: &str = "ntoskrnl-more.a";
const LIBRARIES: &str = "/usr/x86_64-w64-mingw32/lib";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Compiler {
    /// mingw-w64's gcc and GNU ld: DWARF inside the image.
    Gcc,
    /// clang and lld: CodeView in a PDB beside the image.
    Clang,
}

/// Which compiler, and at which optimisation level.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recipe {
    compiler: Compiler,
    level: String,
}

impl Recipe {
    /// Reads the first line of a `driver.c`, such as `/* build: gcc -O2 */`.
    pub fn parse(line: &str) -> Result<Recipe> {
        let words = line.trim().strip_prefix("/* build: ").and_then(|l| l.strip_suffix(" */"));
        let Some((compiler, level)) = words.and_then(|words| words.split_once(' ')) else {
            bail!("expected `/* build: gcc|clang -O0|-O1|-O2|-Os */`, found {line:?}");
        };
        let compiler = match compiler {
            "gcc" => Compiler::Gcc,
            "clang" => Compiler::Clang,
            other => bail!("no compiler {other:?}: gcc or clang"),
        };
        if !matches!(level, "-O0" | "-O1" | "-O2" | "-Os") {
            bail!("no optimisation level {level:?}: -O0, -O1, -O2 or -Os");
        }
        Ok(Recipe { compiler, level: level.to_owned() })
    }

    /// Whether a `.pdb` is built beside the `.sys`.
    pub fn writes_pdb(&self) -> bool {
        self.compiler == Compiler::Clang
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let compiler = if self.compiler == Compiler::Gcc { "gcc" } else { "clang" };
        write!(f, "{compiler} {}", self.level)
    }
}

/// Fails, naming the Debian package, if something that these drivers are built with is missing.
pub fn require_compilers(drivers: &[Driver]) -> Result<()> {
    let mut needed = vec![(GCC, "gcc-mingw-w64-x86-64")];
    if drivers.iter().any(|driver| driver.recipe.writes_pdb()) {
        needed.extend([("clang", "clang"), ("ld.lld", "lld")]);
    }
    for (program, package) in needed {
        let mut probe = Command::new(program);
        probe.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        if probe.status().is_err() {
            bail!("{program} is not installed; it is in Debian's package {package}");
        }
    }
    for (path, package) in [(DDK, "mingw-w64-common"), (LIBRARIES, "mingw-w64-x86-64-dev")] {
        if !Path::new(path).is_dir() {
            bail!("{path} is missing; it is in Debian's package {package}");
        }
    }
    Ok(())
}

/// Builds one driver below `scratch`; returns the folder with its products.
pub fn build(root: &Path, driver: &Driver, scratch: &Path) -> Result<PathBuf> {
    let folder = scratch.join(&driver.path);
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    run(driver, compile(root, driver, &folder.join("driver.o")))?;
    let exports = |path: &str| root.join("drivers").join(path).join("driver.def");
    let mut inputs = Vec::new();
    if exports(&driver.path).is_file() {
        fs::copy(exports(&driver.path), folder.join("driver.def"))?;
        inputs.push("driver.def".to_owned());
    }
    for with in driver.with.iter().filter(|with| exports(with).is_file()) {
        let library = format!("{}.a", with.rsplit('/').next().unwrap_or(with));
        run(driver, import_library(&exports(with), &library, &folder))?;
        inputs.push(library);
    }
    let source = fs::read_to_string(root.join("drivers").join(&driver.path).join("driver.c"))?;
    // The linker writes its command line into the PDB, so each driver names only what it needs.
    let wmi = source.contains("#include <wmilib.h>").then(|| "-lwmilib".to_owned());
    if source.contains("#include \"expect.h\"") {
        let more = root.join("drivers/include/ntoskrnl-more.def");
        run(driver, import_library(&more, MORE, &folder))?;
        inputs.push(MORE.to_owned());
    }
    let entry = if source.contains("GsDriverEntry(") { "GsDriverEntry" } else { "DriverEntry" };
    run(driver, link(driver, &folder, entry, &inputs, wmi))?;

    let image = folder.join(format!("{}.sys", driver.name));
    let mut bytes = fs::read(&image)?;
    image::finish(&mut bytes).with_context(|| driver.path.clone())?;
    fs::write(&image, bytes)?;
    Ok(folder)
}

fn compile(root: &Path, driver: &Driver, object: &Path) -> Command {
    let mut command = match driver.recipe.compiler {
        Compiler::Gcc => {
            let mut gcc = Command::new(GCC);
            gcc.args(["-g", "-gno-record-gcc-switches"]);
            gcc.arg(format!("-ffile-prefix-map={}=.", root.display()));
            gcc
        }
        Compiler::Clang => {
            let mut clang = Command::new("clang");
            clang.args(["--target=x86_64-w64-windows-gnu", "-g", "-gcodeview", "-fms-extensions"]);
            clang.arg("-ffile-compilation-dir=.");
            clang.arg("-funwind-tables");
            clang
        }
    };
    command.current_dir(root).arg(&driver.recipe.level);
    command.args(["-std=gnu11", "-ffreestanding", "-fno-ident", "-mno-red-zone", "-fno-common"]);
    command.args(["-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-Wno-multichar"]);
    command.args(["-D_AMD64_", "-D_WIN32_WINNT=0x0601", "-DNTDDI_VERSION=0x06010000"]);
    command.args(["-isystem", DDK, "-Idrivers/include", "-c"]);
    command.arg(format!("drivers/{}/driver.c", driver.path)).arg("-o").arg(object);
    command
}

/// What a driver is linked with to import from an export driver.
fn import_library(exports: &Path, library: &str, folder: &Path) -> Command {
    let mut command = Command::new(DLLTOOL);
    command.current_dir(folder).args(["--temp-prefix", "import", "--output-lib", library]);
    command.arg("--input-def").arg(exports);
    command
}

fn link(
    driver: &Driver,
    folder: &Path,
    entry: &str,
    inputs: &[String],
    wmi: Option<String>,
) -> Command {
    let image = format!("{}.sys", driver.name);
    let mut command = match driver.recipe.compiler {
        Compiler::Gcc => {
            let mut ld = Command::new(GCC);
            ld.args(["-nostdlib", "-Wl,--subsystem,native:10.0"]);
            ld.arg(format!("-Wl,--entry,{entry}"));
            ld.args(["-Wl,--no-insert-timestamp", "-Wl,--build-id=none"]);
            ld
        }
        Compiler::Clang => {
            let pdb = format!("{}.pdb", driver.name);
            let mut lld = Command::new("ld.lld");
            lld.args(["-m", "i386pep", "--subsystem", "native:10.0", "--entry", entry]);
            lld.arg("--no-insert-timestamp").arg(format!("--pdb={pdb}"));
            // Without a source path the PDB would record the folder it was linked in.
            lld.args(["-Xlink=/pdbsourcepath:.", "-L", LIBRARIES]);
            lld.arg(format!("-Xlink=/pdbaltpath:{pdb}"));
            lld
        }
    };
    command.current_dir(folder).args(["-o", &image, "driver.o"]).args(inputs);
    command.args(["-lntoskrnl", "-lhal"]).args(wmi);
    command
}

fn run(driver: &Driver, mut command: Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{}: {command:?} failed\n{said}", driver.path);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_read() {
        let recipe = Recipe::parse("/* build: clang -O0 */").expect("well-formed");
        assert_eq!(recipe.to_string(), "clang -O0");
        assert!(recipe.writes_pdb());
    }

    #[test]
    fn other_first_lines_are_refused() {
        for line in ["", "/* hello */", "/* build: msvc -O2 */", "/* build: gcc -O9 */"] {
            assert!(Recipe::parse(line).is_err(), "{line}");
        }
    }
}
