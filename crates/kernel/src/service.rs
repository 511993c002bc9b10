//! How a kernel service is declared and called.
//!
//! A service is a Rust function with typed arguments, in the file of its object or family. One line
//! in that file's table, `service!(KeSetEvent)`, makes it callable by drivers; its IRQL limit comes
//! from the WDK reference by name (`nt::ddi`).

use crate::cx::{Cx, Stop};
use nt::ddi::IrqlLimit;

/// What a service's body returns: the value for RAX, or the end of the run.
pub type Call = Result<u64, Stop>;

/// A kernel service.
pub struct Service {
    /// Name under which drivers import it.
    pub name: &'static str,
    /// Its body.
    pub run: fn(&mut Cx) -> Call,
    /// Whether a switch just before it could matter to anybody.
    pub point: bool,
    /// Whether it gives something to others - a lock, a request, a signal - so that what the driver
    /// touches next may be theirs by now.
    pub hands_over: bool,
    /// What is missing, for services that are not complete.
    pub partly: Option<&'static str>,
    /// Number of its arguments.
    pub arguments: u8,
    /// Bytes of each argument; the rest of its register or stack slot is garbage.
    pub widths: &'static [u8],
    /// Whether it returns a value.
    pub answers: bool,
    /// IRQLs at which it may be called, as a bit mask, by the WDK reference.
    pub irqls: u16,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(self.name)
    }
}

impl Service {
    /// The IRQL limit that the WDK reference gives for it.
    pub fn irql_limit(&self) -> IrqlLimit {
        nt::ddi::find(self.name).map_or(IrqlLimit::NotStated, |entry| entry.irql)
    }
}

/// The IRQLs that the WDK reference allows for a service, one bit each.
#[doc(hidden)]
pub fn irqls(name: &str) -> u16 {
    let limit = nt::ddi::find(name).map_or(IrqlLimit::NotStated, |entry| entry.irql);
    (0..16).filter(|&irql| limit.allows(irql)).fold(0, |mask, irql| mask | 1 << irql)
}

/// Number of a body's arguments.
#[doc(hidden)]
pub fn count<A, F: Body<A>>(_: &F) -> u8 {
    F::COUNT
}

/// Bytes of a body's arguments.
#[doc(hidden)]
pub fn widths<A, F: Body<A>>(_: &F) -> &'static [u8] {
    F::WIDTHS
}

/// Whether a body returns a value.
#[doc(hidden)]
pub fn answers<A, F: Body<A>>(_: &F) -> bool {
    F::ANSWERS
}

/// Makes a [`Service`] of a function. `quiet` for those that touch nothing shared; `hands_over` for
/// those that give something to others; `partly "..."` says what is missing.
#[macro_export]
macro_rules! service {
    ($name:ident $(, $option:ident $($text:literal)?)*) => {{
        #[allow(unused_mut)]
        let mut service = $crate::service::Service {
            name: stringify!($name),
            run: |cx| $crate::service::Body::call($name, cx),
            point: true,
            hands_over: false,
            partly: None,
            arguments: $crate::service::count(&$name),
            widths: $crate::service::widths(&$name),
            answers: $crate::service::answers(&$name),
            irqls: $crate::service::irqls(stringify!($name)),
        };
        $($crate::service!(@$option service $($text)?);)*
        service
    }};
    (@quiet $service:ident) => { $service.point = false; };
    (@hands_over $service:ident) => { $service.hands_over = true; };
    (@partly $service:ident $text:literal) => { $service.partly = Some($text); };
}

/// A value that arrives in an argument register or on the stack.
pub trait Argument {
    /// Bytes that count.
    const BYTES: u8;
    /// Takes what the calling convention defines of the slot: the upper bits are garbage.
    fn take(raw: u64) -> Self;
}

/// A value that goes back in RAX.
pub trait Answer {
    /// False for `()`.
    const SOME: bool = true;
    /// Widens to the register.
    fn give(self) -> u64;
}

macro_rules! values {
    ($($type:ty),*) => {$(
        impl Argument for $type {
            const BYTES: u8 = size_of::<$type>() as u8;
            #[inline(always)]
            fn take(raw: u64) -> Self { raw as $type }
        }
        impl Answer for $type {
            #[inline(always)]
            fn give(self) -> u64 { self as u64 }
        }
    )*};
}
values!(u64, u32, u16, u8, i64, i32, i16);

impl Argument for bool {
    const BYTES: u8 = 1;

    #[inline(always)]
    fn take(raw: u64) -> bool {
        raw as u8 != 0
    }
}

impl Answer for bool {
    #[inline(always)]
    fn give(self) -> u64 {
        u64::from(self)
    }
}

impl Answer for () {
    const SOME: bool = false;
    #[inline(always)]
    fn give(self) -> u64 {
        0
    }
}

/// A function that can be a service's body.
pub trait Body<Arguments> {
    /// Number of arguments.
    const COUNT: u8;
    /// Bytes of each.
    const WIDTHS: &'static [u8];
    /// Whether it returns a value.
    const ANSWERS: bool;
    /// Fetches the arguments and runs it.
    fn call(self, cx: &mut Cx) -> Call;
}

macro_rules! bodies {
    ($($name:ident $index:literal),*) => {
        impl<F, R: Answer, $($name: Argument),*> Body<($($name,)*)> for F
        where
            F: FnOnce(&mut Cx, $($name),*) -> Result<R, Stop>,
        {
            const COUNT: u8 = 0 $(+ { let _ = $index; 1 })*;
            const WIDTHS: &'static [u8] = &[$($name::BYTES),*];
            const ANSWERS: bool = R::SOME;

            #[inline(always)]
            #[allow(non_snake_case, unused_variables)]
            fn call(self, cx: &mut Cx) -> Call {
                $(let $name = $name::take(cx.argument($index));)*
                self(cx, $($name),*).map(Answer::give)
            }
        }
    };
}
bodies!();
bodies!(A 0);
bodies!(A 0, B 1);
bodies!(A 0, B 1, C 2);
bodies!(A 0, B 1, C 2, D 3);
bodies!(A 0, B 1, C 2, D 3, E 4);
bodies!(A 0, B 1, C 2, D 3, E 4, G 5);
bodies!(A 0, B 1, C 2, D 3, E 4, G 5, H 6);
bodies!(A 0, B 1, C 2, D 3, E 4, G 5, H 6, I 7);
bodies!(A 0, B 1, C 2, D 3, E 4, G 5, H 6, I 7, J 8);
bodies!(A 0, B 1, C 2, D 3, E 4, G 5, H 6, I 7, J 8, K 9);
bodies!(A 0, B 1, C 2, D 3, E 4, G 5, H 6, I 7, J 8, K 9, L 10);
