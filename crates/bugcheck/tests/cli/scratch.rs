//! Files that a test makes.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// A file of this test's own, in a folder of its own, removed with it.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Tests run side by side, so two may want the same name.
    pub fn new(name: &str, bytes: &[u8]) -> Scratch {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let home = home.join(format!("cli-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&home).unwrap();
        let path = home.join(name);
        std::fs::write(&path, bytes).unwrap();
        Scratch(path)
    }

    pub fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
        if let Some(home) = self.0.parent() {
            let _ = std::fs::remove_dir(home);
        }
    }
}
