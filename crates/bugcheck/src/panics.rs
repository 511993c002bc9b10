//! A panic is a bug of bugcheck, and is told as one.

use crate::failure::Failure;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::{Mutex, PoisonError};

/// Where the first panic happened, and its message. Workers panic too, and what they leave in their
/// thread's result no longer says where.
static FIRST: Mutex<Option<String>> = Mutex::new(None);

/// Runs `work`; a panic in it, or in a thread whose panic it passes on, becomes a failure.
pub(crate) fn contained<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let usual = take_hook();
    set_hook(Box::new(move |info| {
        remember(info);
        if std::env::var_os("RUST_BACKTRACE").is_some() {
            usual(info);
        }
    }));
    caught(work)
}

/// The same within [`contained`], on any thread.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let mut sentence = "internal error".to_owned();
        if let Some(first) = FIRST.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = write!(sentence, " ({first})");
        }
        let words: Vec<String> = std::env::args().collect();
        let _ = write!(
            sentence,
            ": this is a bug of bugcheck and not of the driver; please report it with the command \
             line `{}` and, if you may, the driver.",
            words.join(" ")
        );
        Err(Failure::Internal(sentence))
    })
}

fn remember(info: &PanicHookInfo<'_>) {
    let mut first = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
    if first.is_some() {
        return;
    }
    let payload = info.payload();
    let message = payload.downcast_ref::<&str>().copied();
    let message = message.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let message = message.unwrap_or("no message");
    *first = Some(match info.location() {
        Some(place) => format!("{message}, at {}:{}", place.file(), place.line()),
        None => message.to_owned(),
    });
}
