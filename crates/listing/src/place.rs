//! A place in code, as people write it: `nt!KeBugCheckEx+0x12`, `fifo+0x1040`, `DriverEntry`, `0x140001040`,
//! ``fffff801`12345678``.

/// What addresses are asked of.
pub trait Places {
    /// Base of a module by its name, short or whole; the first module for an empty name.
    fn base(&self, module: &str) -> Option<u64>;
    /// Address of a symbol in a module, or in any for an empty name.
    fn symbol(&self, module: &str, name: &str) -> Option<u64>;
}

/// What of a place is not there: a clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotFound(pub String);

/// The address of the place `text`.
///
/// # Errors
/// What of it is not there.
pub fn place(places: &dyn Places, text: &str) -> Result<u64, NotFound> {
    let fail = |why: String| Err(NotFound(why));
    let (name, offset) = match text.rsplit_once('+') {
        Some((name, digits)) if !name.is_empty() => {
            let plain = digits.strip_prefix("0x").unwrap_or(digits);
            match u64::from_str_radix(plain, 16) {
                Ok(offset) => (name, offset),
                Err(_) => return fail(format!("`{digits}` is no offset in hexadecimal")),
            }
        }
        _ => (text, 0),
    };
    let add = |start: u64| {
        let found = start.checked_add(offset);
        found.ok_or_else(|| NotFound(format!("`{text}` lies beyond all addresses")))
    };
    if let Some((module, symbol)) = name.split_once('!') {
        if places.base(module).is_none() {
            return fail(format!("there is no module {module}"));
        }
        return match places.symbol(module, symbol) {
            Some(start) => add(start),
            None => fail(format!(
                "{module} has no symbol {symbol} that is known; --images or --symbols may"
            )),
        };
    }
    let digits = name.replace('`', "");
    let hexadecimal = digits.strip_prefix("0x");
    let digits = hexadecimal.unwrap_or(&digits);
    if let Some(start) = places.symbol("", name) {
        return add(start);
    }
    // Without a prefix a few digits may as well be a name.
    if (digits.len() >= 3 || hexadecimal.is_some())
        && let Ok(start) = u64::from_str_radix(digits, 16)
    {
        return add(start);
    }
    match places.base(name) {
        Some(base) if offset > 0 => add(base),
        _ => fail(format!(
            "`{name}` is no symbol that is known, no module with an offset, and no address"
        )),
    }
}
