//! What a bug check parameter is, which says how it is shown.

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        /// What a parameter is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind {
            $($(#[$doc])* $name,)*
        }

        impl Kind {
            /// Kind by its word in the data.
            #[must_use]
            pub fn by_word(word: &str) -> Option<Self> {
                Some(match word {
                    $($word => Self::$name,)*
                    _ => return None,
                })
            }

            /// The word in the data.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

kinds! {
    /// Nothing is known of it, or it is not used.
    Unused = "-";
    /// A number shown in hexadecimal only.
    Hex = "hex";
    /// An address of data.
    Address = "address";
    /// An address of an instruction or a routine.
    Code = "code";
    /// An address that the processor's bus sees.
    Physical = "physical";
    /// A page frame number.
    Page = "page";
    /// An object or structure: IRP, device object, lock.
    Object = "object";
    /// An IRP.
    Irp = "irp";
    /// A DEVICE_OBJECT.
    Device = "device";
    /// A DRIVER_OBJECT.
    Driver = "driver";
    /// An ETHREAD.
    Thread = "thread";
    /// An EPROCESS.
    Process = "process";
    /// An MDL.
    Mdl = "mdl";
    /// A KTRAP_FRAME.
    Trap = "trap";
    /// A CONTEXT.
    Context = "context";
    /// An EXCEPTION_RECORD.
    Exception = "exception";
    /// A text: its address.
    Text = "text";
    /// An IRQL.
    Irql = "irql";
    /// Read, write or execute.
    Access = "access";
    /// An NTSTATUS.
    Status = "status";
    /// A count.
    Count = "count";
    /// A number that may be negative.
    Signed = "signed";
    /// A size.
    Bytes = "bytes";
    /// A time in seconds.
    Seconds = "seconds";
    /// A time in milliseconds.
    Milliseconds = "milliseconds";
    /// A time in clock ticks.
    Ticks = "ticks";
    /// KernelMode or UserMode.
    Mode = "mode";
    /// A POOL_TYPE.
    Pool = "pool";
    /// A pool tag.
    Tag = "tag";
    /// A bug check code.
    Bugcheck = "bugcheck";
    /// A major function.
    Major = "major";
    /// An I/O control code.
    Ioctl = "ioctl";
    /// MDL flags.
    MdlFlags = "mdlflags";
    /// A handle.
    Handle = "handle";
    /// A device problem code.
    Problem = "problem";
}

/// A parameter in general.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// What it is.
    pub kind: Kind,
    /// What it says.
    pub meaning: String,
}

impl Slot {
    /// Reads `kind: meaning`, or `-` for one that is not used.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (word, meaning) = text.split_once(": ").unwrap_or((text, ""));
        let kind = Kind::by_word(word).ok_or_else(|| format!("`{text}`: no kind `{word}`"))?;
        match (kind, meaning) {
            (Kind::Unused, "") => Ok(Self { kind, meaning: "not used".to_owned() }),
            (_, "") => Err(format!("`{text}` says nothing")),
            _ => Ok(Self { kind, meaning: meaning.to_owned() }),
        }
    }
}
