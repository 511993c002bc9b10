//! Counts of a whole watch.

use crate::{Entry, How, Lost, Process, State, Time, Told};
use std::collections::HashMap;

/// Names of which no more are counted; the rest goes into one.
const NAMES: usize = 100_000;
/// Processes that a tree keeps at most.
const NODES: usize = 1_000_000;
/// How many of the shortest are kept.
const SHORTEST: usize = 10;

/// Launches of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Name.
    pub name: String,
    /// How often it was launched.
    pub launches: u64,
    /// How many of these ended otherwise than with exit code 0.
    pub failed: u64,
    /// Processor time of those that ended, nanoseconds; `None` if no source told of it.
    pub cpu: Option<u64>,
}

/// What a watch came to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Starts that were seen.
    pub seen: u64,
    /// What was lost, all of it.
    pub lost: Lost,
    /// Gaps.
    pub gaps: u64,
    /// Ends of processes whose start was seen, or which ran before.
    pub ended: u64,
    /// Ends of processes that nothing else is known of.
    pub ends_without_start: u64,
    /// Starts whose end is not seen, because the id was used again.
    pub vanished: u64,
    /// Starts that have no end so far.
    pub open: u64,
    /// Programs that processes went on to, after their first.
    pub execs: u64,
    /// Starts with their full command line.
    pub full_commands: u64,
    /// Starts with a command line that is cut off.
    pub cut_commands: u64,
    /// Earliest and latest moment.
    pub span: Option<(Time, Time)>,
    names: HashMap<String, Counted>,
    /// Those that lived shortest, shortest first.
    pub shortest: Vec<Process>,
    /// The tree, if it is wanted.
    pub tree: Option<Tree>,
}

impl Summary {
    /// An empty one; `tree` keeps every process for its tree.
    pub fn new(tree: bool) -> Summary {
        Summary { tree: tree.then(Tree::default), ..Summary::default() }
    }

    /// Counts what is told.
    pub fn count(&mut self, entry: &Entry<'_>) {
        let time = entry.time;
        if !time.is_none() {
            let (first, last) = self.span.unwrap_or((time, time));
            self.span = Some((first.min(time), last.max(time)));
        }
        match entry.told {
            Told::Start(process) => self.start(process),
            Told::Exec(process) => {
                self.execs += 1;
                self.keep(process);
            }
            Told::Stop(process) => self.stop(process),
            Told::Vanished(process) => {
                self.vanished += u64::from(process.start_seen);
                self.keep(process);
            }
            Told::Open(process) => {
                self.open += u64::from(process.start_seen);
                if process.start_seen {
                    self.keep(process);
                }
            }
            Told::Lost(lost) => self.lose(lost),
        }
    }

    fn lose(&mut self, lost: &Lost) {
        self.gaps += 1;
        let all = &mut self.lost;
        all.starts = all.starts.saturating_add(lost.starts);
        all.execs = all.execs.saturating_add(lost.execs);
        all.ends = all.ends.saturating_add(lost.ends);
        all.unknown = all.unknown.saturating_add(lost.unknown);
        all.at_most |= lost.at_most;
        all.why.clone_from(&lost.why);
    }

    fn start(&mut self, process: &Process) {
        if process.start_seen {
            self.seen += 1;
            match &process.start.image.command {
                Some(command) if command.complete => self.full_commands += 1,
                Some(_) => self.cut_commands += 1,
                None => {}
            }
            self.of(process).launches += 1;
        }
        self.keep(process);
    }

    fn stop(&mut self, process: &Process) {
        let known = process.start_seen || process.start.before || !process.started.is_none();
        if known {
            self.ended += 1
        } else {
            self.ends_without_start += 1
        }
        if process.start_seen
            && let Some(end) = &process.end
        {
            let failed = !matches!(end.how, How::Exit(0) | How::Unknown);
            let cpu = end.cpu;
            let counted = self.of(process);
            counted.failed += u64::from(failed);
            if let Some(cpu) = cpu {
                counted.cpu = Some(counted.cpu.unwrap_or(0).saturating_add(cpu));
            }
        }
        self.keep(process);
        let Some(lived) = process.lived() else { return };
        if !process.start_seen {
            return;
        }
        let longest = self.shortest.last().and_then(Process::lived);
        if self.shortest.len() < SHORTEST || longest.is_some_and(|longest| lived < longest) {
            let place =
                self.shortest.partition_point(|it| it.lived().is_some_and(|it| it <= lived));
            self.shortest.insert(place, process.clone());
            self.shortest.truncate(SHORTEST);
        }
    }

    fn of(&mut self, process: &Process) -> &mut Counted {
        let name = &process.start.image.name;
        let name = if self.names.len() < NAMES || self.names.contains_key(name) {
            name.clone()
        } else {
            "(other names)".to_owned()
        };
        self.names.entry(name.clone()).or_insert_with(|| Counted { name, ..Counted::default() })
    }

    fn keep(&mut self, process: &Process) {
        if let Some(tree) = &mut self.tree {
            tree.keep(process);
        }
    }

    /// Names, the most launched first.
    pub fn most_launched(&self) -> Vec<&Counted> {
        let mut all: Vec<&Counted> = self.names.values().filter(|it| it.launches > 0).collect();
        all.sort_by(|a, b| b.launches.cmp(&a.launches).then_with(|| a.name.cmp(&b.name)));
        all
    }

    /// Launched = seen + lost.
    pub fn launched(&self) -> u64 {
        self.seen.saturating_add(self.lost.starts)
    }
}

/// Every process of a watch, by who started whom.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    nodes: Vec<Process>,
    places: HashMap<u64, usize>,
    /// How many more there were than are kept.
    pub left_out: u64,
}

impl Tree {
    fn keep(&mut self, process: &Process) {
        if let Some(place) = self.places.get(&process.number) {
            if let Some(node) = self.nodes.get_mut(*place) {
                node.clone_from(process);
            }
        } else if self.nodes.len() < NODES {
            self.places.insert(process.number, self.nodes.len());
            self.nodes.push(process.clone());
        } else {
            self.left_out += 1;
        }
    }

    /// Every process that is kept, in the order in which they were met.
    pub fn all(&self) -> &[Process] {
        &self.nodes
    }

    /// Each process below those that `root` chooses with how deep it lies, parents before children. Without
    /// a choice the roots are those whose parent is not in the tree.
    pub fn walk(&self, root: Option<&dyn Fn(&Process) -> bool>) -> Vec<(usize, &Process)> {
        let mut children: HashMap<u64, Vec<usize>> = HashMap::new();
        let mut roots = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let parent = node.parent_number.filter(|parent| self.places.contains_key(parent));
            if let Some(parent) = parent {
                children.entry(parent).or_default().push(index);
            }
            if root.map_or(parent.is_none(), |root| root(node)) {
                roots.push(index);
            }
        }
        let mut walked = Vec::new();
        let mut seen = vec![false; self.nodes.len()];
        // A parent has a lower number than its child, so there are no circles; `seen` is for roots below roots.
        for root in roots {
            let mut stack = vec![(0usize, root)];
            while let Some((depth, index)) = stack.pop() {
                let Some(node) = self.nodes.get(index) else { continue };
                if std::mem::replace(&mut seen[index], true) {
                    continue;
                }
                walked.push((depth, node));
                let below = children.get(&node.number).map(Vec::as_slice).unwrap_or_default();
                stack.extend(below.iter().rev().map(|child| (depth.saturating_add(1), *child)));
            }
        }
        walked
    }
}

impl State {
    /// One word for it.
    pub fn word(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Ended => "ended",
            State::EndNotSeen => "end-not-seen",
        }
    }
}
