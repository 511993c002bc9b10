//! Code, disassembled.

use super::Look;
use super::page::{Ink, Page};
use diagnosis::Listed;

/// A line for each instruction; labels and source lines where they change.
pub fn listing_text(listed: &[Listed], look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    for (index, it) in listed.iter().enumerate() {
        if let Some(label) = &it.label {
            if index > 0 {
                page.blank();
            }
            page.line(0, &[(Ink::Strong, label), (Ink::Plain, ":")]);
        }
        if let Some((file, line)) = &it.source {
            page.line(2, &[(Ink::Place, &format!("{file}:{line}"))]);
        }
        let lead = format!("{:016x}  {:<22} ", it.line.address, it.line.bytes);
        page.line(0, &[(Ink::Faint, &lead), (Ink::Plain, &it.line.text)]);
    }
    page.finish()
}
