//! Lines out of pieces of any size.

/// Bytes of a line, or of a field of the journal, that are looked at. What a line has beyond is passed over.
pub const MOST_LINE: usize = 0x1_0000;

/// A line as it comes: without its end, and where it begins.
pub(super) struct Line<'a> {
    pub bytes: &'a [u8],
    pub offset: u64,
    pub number: u64,
}

/// Cuts what it is given into lines. A line that lies in one piece is borrowed from it.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The beginning of a line whose end has not come; at most [`MOST_LINE`] of it.
    kept: Vec<u8>,
    /// Whether there is such a beginning, even of no bytes.
    open: bool,
    /// Where the line under way begins.
    start: u64,
    /// Bytes taken so far.
    pub taken: u64,
    /// Lines handed out.
    pub count: u64,
    /// Lines that were longer than [`MOST_LINE`].
    pub cut: u64,
    /// Whether the line under way is one of them.
    long: bool,
}

impl Lines {
    /// The line at the front of `rest`, if it ends there, otherwise it is kept; and how many bytes that took.
    pub fn next<'a>(&'a mut self, rest: &'a [u8]) -> (usize, Option<Line<'a>>) {
        if rest.is_empty() {
            return (0, None);
        }
        if !self.open {
            self.start = self.taken;
        }
        let Some(end) = memchr::memchr(b'\n', rest) else {
            self.keep(rest);
            self.taken = self.taken.saturating_add(rest.len() as u64);
            return (rest.len(), None);
        };
        let (used, line) = (end + 1, &rest[..end]);
        self.taken = self.taken.saturating_add(used as u64);
        self.count = self.count.saturating_add(1);
        let (offset, number) = (self.start, self.count);
        if self.open {
            self.keep(line);
            self.close();
            return (used, Some(Line { bytes: trim(&self.kept), offset, number }));
        }
        if line.len() > MOST_LINE {
            self.cut = self.cut.saturating_add(1);
        }
        (used, Some(Line { bytes: trim(&line[..line.len().min(MOST_LINE)]), offset, number }))
    }

    /// The last line, if it has no end.
    pub fn last(&mut self) -> Option<Line<'_>> {
        if !self.open {
            return None;
        }
        self.count = self.count.saturating_add(1);
        let (offset, number) = (self.start, self.count);
        self.close();
        Some(Line { bytes: trim(&self.kept), offset, number })
    }

    fn keep(&mut self, part: &[u8]) {
        if !self.open {
            self.kept.clear();
        }
        self.open = true;
        let room = MOST_LINE.saturating_sub(self.kept.len());
        self.long |= part.len() > room;
        self.kept.extend_from_slice(&part[..part.len().min(room)]);
    }

    fn close(&mut self) {
        self.open = false;
        self.cut = self.cut.saturating_add(self.long.into());
        self.long = false;
    }
}

/// Without a carriage return at its end, and zero bytes at its front, which a file system that went down
/// leaves behind in a log.
fn trim(line: &[u8]) -> &[u8] {
    let mut line = line.strip_suffix(b"\r").unwrap_or(line);
    while let [0, rest @ ..] = line {
        line = rest;
    }
    line
}
