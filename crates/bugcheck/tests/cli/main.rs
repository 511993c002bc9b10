//! The built program, run as a user runs it: on the drivers of this repository, on files that are none,
//! and with a reader that leaves early.

mod authority;
mod binaries;
mod broken;
mod crash_dumps;
mod disasm;
mod dissected;
mod drivers;
mod golden;
mod images;
mod incident;
mod infs;
mod libs;
mod lookup;
mod mount;
mod mount_far;
mod mount_load;
mod mount_pipes;
mod mount_verilog;
mod rebase;
mod scratch;
mod serve;
mod setup_logs;
mod signed;
mod stamped;
mod stamps;
mod symbol_files;
mod system_logs;
mod usage;
mod watch;
mod watch_live;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// What a run left behind.
struct Ran {
    status: i32,
    out: String,
    error: String,
}

/// The root of the repository, where every run starts: paths in the output are relative to it.
fn root() -> PathBuf {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    std::fs::canonicalize(here).unwrap()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bugcheck"));
    command.args(arguments).current_dir(root()).stdin(Stdio::null());
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "RUST_BACKTRACE", "_NT_SYMBOL_PATH"] {
        command.env_remove(name);
    }
    command
}

fn run(arguments: &[&str]) -> Ran {
    let Output { status, stdout, stderr } = command(arguments).output().unwrap();
    Ran {
        status: status.code().unwrap_or(-1),
        out: String::from_utf8(stdout).unwrap(),
        error: String::from_utf8(stderr).unwrap(),
    }
}
