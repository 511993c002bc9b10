//! The far side of a device: what stands where the logic behind it would. A bench that runs in real
//! time moves bytes through it; a search never does.

/// What follows the bytes before it in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A message is complete.
    Message,
    /// The stream ends here; what comes behind is another one.
    End,
}

/// What is to stand on the far side of a stream instead of what the device has there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    /// What the computer sends comes back.
    LoopBack,
    /// Somebody outside the device.
    Outside,
}

/// A stream as the far side sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// Its name, by which drivers make files of it.
    pub name: String,
    /// Bytes go from the far side to the computer.
    pub to_host: bool,
    /// Bytes go from the computer to the far side.
    pub from_host: bool,
    /// Bytes of a word: 1, 2 or 4. Only whole words move.
    pub width: u8,
    /// A place in it can be chosen.
    pub seekable: bool,
    /// Bounds between messages are kept.
    pub messages: bool,
    /// Somebody outside the device is asked for: [`FarSide::offer`] and [`FarSide::take`] do something.
    pub outside: bool,
}

/// The far side of a device's streams. A stream's number is its place in [`FarSide::streams`]; numbers
/// of streams that are not there or not outside are ignored.
pub trait FarSide {
    /// Streams, in order of their numbers.
    fn streams(&self) -> Vec<StreamInfo>;
    /// Bytes that [`FarSide::offer`] would take now: whole words.
    fn room(&self, stream: usize) -> usize;
    /// Sends bytes to the computer; how many were taken, always whole words.
    fn offer(&mut self, stream: usize, bytes: &[u8]) -> usize;
    /// Sends a mark behind what was offered.
    fn mark(&mut self, stream: usize, mark: Mark);
    /// Bytes that [`FarSide::take`] would give now.
    fn ready(&self, stream: usize) -> usize;
    /// Receives what the computer sent, up to the next mark; how many bytes there were.
    fn take(&mut self, stream: usize, into: &mut [u8]) -> usize;
    /// The mark that is next in what the computer sent, where nothing lies before it any more.
    fn take_mark(&mut self, stream: usize) -> Option<Mark>;
    /// How often the device was reset: logic behind it starts anew each time.
    fn resets(&self) -> u32;
}
