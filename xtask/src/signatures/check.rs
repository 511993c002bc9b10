use anyhow::Result;
use std::path::Path;
pub fn check(_folder: &Path, _bugcheck: &Path) -> Result<()> {
    Ok(())
}
