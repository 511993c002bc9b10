//! What the verifier's rules see, and what they say.
//!
//! A rule is a constant: which [`Kind`]s of event it wants and a function that looks at the event
//! and the kernel's state and may object. It cannot change anything.

use crate::service::Service;
use crate::state::{Block, SharedAccess};
use crate::world::World;
use finding::Severity;
use memory::Fault;

/// Number of a moment in a run. A replay that records finds the moment again, with its call stack.
pub type Site = u32;

/// Something happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The driver calls a kernel service; arguments are in the registers still.
    Service {
        /// Which.
        service: &'static Service,
    },
    /// A dispatch routine is about to be called.
    Dispatch {
        /// The request.
        irp: u64,
        /// Device it is sent to.
        device: u64,
        /// Major function code.
        major: u8,
    },
    /// A dispatch routine returned.
    DispatchReturn {
        /// The request; may have been completed and gone since.
        irp: u64,
        /// Device it was sent to.
        device: u64,
        /// Major function code.
        major: u8,
        /// Minor function code.
        minor: u8,
        /// What it returned.
        status: u32,
        /// Whether it (or what it called) marked this device's stack location pending.
        marked: bool,
        /// Whether the mark was there before: the driver above made it, and passed the request on in its
        /// own stack location.
        inherited: bool,
        /// Whether this device's stack location was completed, and where.
        completed: Option<Site>,
        /// Whether it passed the request to another device.
        passed: bool,
        /// Status that the next lower driver returned, if any.
        lower: Option<u32>,
        /// Address of the dispatch routine.
        function: u64,
    },
    /// A driver routine is about to be called by the kernel.
    Enter {
        /// Kind of routine.
        routine: Routine,
        /// Its address.
        function: u64,
    },
    /// A driver routine called by the kernel returned.
    Leave {
        /// Kind of routine.
        routine: Routine,
        /// Its address.
        function: u64,
        /// IRQL at the call.
        irql_before: u8,
        /// IRQL at the return.
        irql_after: u8,
        /// Spin locks held at the call.
        locks_before: u8,
        /// Spin locks held at the return, newest last, with the place of acquisition.
        locks_after: u8,
    },
    /// `IofCompleteRequest` is called.
    Complete {
        /// The request.
        irp: u64,
    },
    /// A request is passed down with no stack location left.
    NoStackLocation {
        /// The request.
        irp: u64,
        /// Target device.
        device: u64,
    },
    /// A memory access is refused.
    Fault {
        /// What and why.
        fault: Fault,
        /// What lies there or lay there.
        near: Near,
        /// Service that touched it for the driver, if not the driver itself.
        by: Option<&'static str>,
    },
    /// A spin lock is acquired.
    Acquire {
        /// Address of the lock.
        lock: u64,
        /// Whether the service raises the IRQL itself.
        raises: bool,
    },
    /// A spin lock is released.
    Release {
        /// Address of the lock.
        lock: u64,
        /// IRQL that will be returned to, for services that lower it.
        to: Option<u8>,
    },
    /// The IRQL is raised or lowered by a service or by CR8.
    Irql {
        /// Before.
        from: u8,
        /// After.
        to: u8,
        /// Whether the service may only raise or only lower.
        raise: bool,
    },
    /// A wait that may block.
    Wait {
        /// First object waited for; 0 for a delay.
        object: u64,
        /// Whether the timeout is zero.
        poll: bool,
    },
    /// Pool is freed.
    Free {
        /// Address given.
        address: u64,
        /// Block that starts there or holds it.
        block: Option<Block>,
        /// Tag given, 0 if none.
        tag: u32,
    },
    /// A driver was unloaded.
    Unloaded {
        /// Number of its image.
        image: usize,
    },
    /// Nothing can run any more, and everything was asked to end.
    End,
    /// Nothing can run, and somebody holds or spins on a lock.
    Stuck,
    /// Too many instructions without an end.
    NoProgress {
        /// Where it loops; the service routine of an interrupt that comes again and again.
        rip: u64,
        /// How often that came with nobody else getting a processor; 0 for a loop in code.
        deliveries: u32,
    },
    /// `IoConnectInterruptEx` is called.
    ConnectInterrupt {
        /// CONNECT_FULLY_SPECIFIED and so on.
        version: u32,
        /// `ConnectionContext`, the place for the results.
        context: u64,
    },
    /// A register of a device that sleeps is touched: it is not there.
    Asleep {
        /// Range of registers.
        bar: u8,
        /// Where in it.
        offset: u64,
        /// Whether it is written.
        write: bool,
    },
    /// An interrupt service routine says that an interrupt was its device's.
    Claimed {
        /// The routine.
        function: u64,
        /// Its device asserted an interrupt, when the routine was called or meanwhile.
        own: bool,
    },
    /// A bus driver reports something wrong, or a routine gets something else than a PDO.
    Relations {
        /// What is wrong.
        wrong: crate::pnp::children::Wrong,
        /// Second to fourth parameter of bug check 0xCA.
        parameters: [u64; 3],
    },
    /// An application asks what kind of file a handle is, as C run-times do that open one.
    FileType {
        /// Number of the file.
        file: u16,
    },
    /// Two contexts access the same shared memory with nothing between them, one of them writing.
    Race {
        /// Who was about to access when the other came.
        first: SharedAccess,
        /// Context of `first`.
        by: u8,
        /// The access made now.
        second: SharedAccess,
    },
    /// A request is done before one that was issued earlier, of the same handle and kind.
    Overtaken {
        /// The earlier request.
        earlier: u64,
        /// The one that is done.
        later: u64,
    },
    /// A WMI provider's answer cannot be right.
    WmiAnswer {
        /// Minor function of the request.
        minor: u8,
        /// What is wrong, to follow "an answer".
        what: String,
        /// Where the request was completed.
        completed: Option<Site>,
    },
    /// A step of a scenario came out otherwise than the scenario says.
    Unexpected {
        /// Which step, what was expected and what came, in one sentence.
        what: String,
        /// Where the request of that step was completed, if it was one.
        completed: Option<Site>,
    },
    /// The driver itself calls for a bug check.
    BugCheck {
        /// Code.
        code: u32,
        /// Parameters.
        parameters: [u64; 4],
    },
    /// A service raised an exception, and no handler of the driver's routine takes it.
    Unhandled {
        /// Exception code.
        status: u32,
        /// Where the driver called the service.
        address: u64,
    },
    /// `int 29h`, `int 2Ch`, `int 3` and processor exceptions in driver code.
    Exception {
        /// Vector.
        vector: u8,
    },
}

/// An [`Event`]'s kind, for subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is the event of the same name
#[repr(u8)]
pub enum Kind {
    Service,
    Dispatch,
    DispatchReturn,
    Enter,
    Leave,
    Complete,
    NoStackLocation,
    Fault,
    Acquire,
    Release,
    Irql,
    Wait,
    Free,
    Unloaded,
    End,
    Stuck,
    NoProgress,
    ConnectInterrupt,
    Asleep,
    Claimed,
    Relations,
    FileType,
    Race,
    Overtaken,
    WmiAnswer,
    Unexpected,
    BugCheck,
    Unhandled,
    Exception,
}

/// Number of [`Kind`]s.
pub const KINDS: usize = 29;

impl Event {
    /// Its kind.
    #[inline]
    pub fn kind(&self) -> Kind {
        match self {
            Event::Service { .. } => Kind::Service,
            Event::Dispatch { .. } => Kind::Dispatch,
            Event::DispatchReturn { .. } => Kind::DispatchReturn,
            Event::Enter { .. } => Kind::Enter,
            Event::Leave { .. } => Kind::Leave,
            Event::Complete { .. } => Kind::Complete,
            Event::NoStackLocation { .. } => Kind::NoStackLocation,
            Event::Fault { .. } => Kind::Fault,
            Event::Acquire { .. } => Kind::Acquire,
            Event::Release { .. } => Kind::Release,
            Event::Irql { .. } => Kind::Irql,
            Event::Wait { .. } => Kind::Wait,
            Event::Free { .. } => Kind::Free,
            Event::Unloaded { .. } => Kind::Unloaded,
            Event::End => Kind::End,
            Event::Stuck => Kind::Stuck,
            Event::NoProgress { .. } => Kind::NoProgress,
            Event::ConnectInterrupt { .. } => Kind::ConnectInterrupt,
            Event::Asleep { .. } => Kind::Asleep,
            Event::Claimed { .. } => Kind::Claimed,
            Event::Relations { .. } => Kind::Relations,
            Event::FileType { .. } => Kind::FileType,
            Event::Race { .. } => Kind::Race,
            Event::Overtaken { .. } => Kind::Overtaken,
            Event::WmiAnswer { .. } => Kind::WmiAnswer,
            Event::Unexpected { .. } => Kind::Unexpected,
            Event::BugCheck { .. } => Kind::BugCheck,
            Event::Unhandled { .. } => Kind::Unhandled,
            Event::Exception { .. } => Kind::Exception,
        }
    }
}

/// Kinds of driver routine that the kernel calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Routine {
    /// `DriverEntry`.
    DriverEntry,
    /// `AddDevice`.
    AddDevice,
    /// `DriverUnload`.
    Unload,
    /// `DllInitialize` of an export driver.
    DllInitialize,
    /// Its `DllUnload`.
    DllUnload,
    /// A dispatch routine.
    Dispatch,
    /// A StartIo routine.
    StartIo,
    /// An I/O completion routine.
    Completion,
    /// A cancel routine, called with the cancel spin lock held.
    Cancel,
    /// A deferred procedure call.
    Dpc,
    /// An interrupt service routine.
    Interrupt,
    /// A work item.
    WorkItem,
    /// A system thread.
    Thread,
    /// A callback of a kernel service, such as those of a cancel-safe queue.
    Callback,
}

impl Routine {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Routine::DriverEntry => "DriverEntry",
            Routine::AddDevice => "AddDevice routine",
            Routine::Unload => "unload routine",
            Routine::DllInitialize => "DllInitialize routine",
            Routine::DllUnload => "DllUnload routine",
            Routine::Dispatch => "dispatch routine",
            Routine::StartIo => "StartIo routine",
            Routine::Completion => "completion routine",
            Routine::Cancel => "cancel routine",
            Routine::Dpc => "DPC",
            Routine::Interrupt => "interrupt service routine",
            Routine::WorkItem => "work item",
            Routine::Thread => "system thread",
            Routine::Callback => "callback",
        }
    }
}

/// What lies, or lay, at an address that was refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Near {
    /// The first 64 KiB.
    Null,
    /// The user half.
    User,
    /// Memory of an application's process that has ended.
    Ended,
    /// Inside a block that was freed.
    Freed(Block),
    /// Past the end of a live block.
    After(Block),
    /// Before the start of a live block.
    Before(Block),
    /// A driver image that was unloaded, or its part that was discarded.
    Unloaded,
    /// A driver image, the wrong way: a write to code, a jump to data.
    Image,
    /// Pageable memory at raised IRQL.
    Pageable,
    /// Beyond the end of a kernel stack.
    Stack,
    /// Nothing known.
    Wild,
}

/// A rule's objection.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// The rule.
    pub rule: &'static Rule,
    /// One line.
    pub title: String,
    /// What happened here, beyond what the rule always says; may be empty.
    pub detail: String,
    /// Bug check code; 0 where Windows would go on.
    pub code: u32,
    /// Its parameters, each with its meaning.
    pub parameters: [(u64, String); 4],
    /// How bad this case is.
    pub severity: Severity,
    /// What happened where; `None` is the present moment.
    pub places: Vec<(String, Option<Site>)>,
}

impl Violation {
    /// A violation seen here and now.
    pub fn new(rule: &'static Rule, title: impl Into<String>) -> Violation {
        Violation {
            rule,
            title: title.into(),
            detail: String::new(),
            code: 0,
            parameters: Default::default(),
            severity: rule.severity,
            places: Vec::new(),
        }
    }

    /// Adds what is particular to this case.
    pub fn detail(mut self, text: impl Into<String>) -> Violation {
        self.detail = text.into();
        self
    }

    /// Says how bad this case is, where that is not what the rule says of all.
    pub fn severity(mut self, severity: Severity) -> Violation {
        self.severity = severity;
        self
    }

    /// Adds the bug check.
    pub fn bugcheck(mut self, code: u32, parameters: [(u64, &str); 4]) -> Violation {
        self.code = code;
        self.parameters = parameters.map(|(value, meaning)| (value, meaning.to_owned()));
        self
    }

    /// Adds the present moment as a place.
    pub fn here(mut self, role: &str) -> Violation {
        self.places.push((role.to_owned(), None));
        self
    }

    /// Adds a moment in the past as a place.
    pub fn at(mut self, role: &str, site: Site) -> Violation {
        self.places.push((role.to_owned(), Some(site)));
        self
    }
}

/// One rule of the verifier.
#[derive(Debug)]
pub struct Rule {
    /// Kebab case.
    pub name: &'static str,
    /// What it forbids, in one sentence.
    pub summary: &'static str,
    /// Why that is wrong.
    pub why: &'static str,
    /// What to do instead.
    pub remedy: &'static str,
    /// Pages of the public reference.
    pub references: &'static [&'static str],
    /// How bad a violation is.
    pub severity: Severity,
    /// Events it wants.
    pub wants: &'static [Kind],
    /// Looks at one event.
    pub check: fn(&Event, &World) -> Option<Violation>,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Rule) -> bool {
        self.name == other.name
    }
}
