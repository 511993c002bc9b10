//! A scenario as it was written, for any driver, and the one that a certain driver gets.

use super::needs::{Each, Needs};
use super::{CODE, Id};
use crate::battery::{Abilities, USUAL, winding_down};
use crate::scenario::{OWN, Scenario, Step};
use crate::scenario_steps::{Expect, Script, Scripted, Verb};
use kernel::io::notices::Notice;
use kernel::pnp::manager::Stack;
use std::sync::Arc;

/// A scenario for any driver.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub name: String,
    /// What it is for.
    pub about: String,
    pub needs: Needs,
    /// There is one for each of these.
    pub each: Option<Each>,
    pub(super) stack: Stack,
    pub(super) prepare: Vec<Item>,
    pub(super) actors: Vec<WrittenActor>,
    pub(super) order: Vec<Id>,
}

/// Who does something.
#[derive(Debug)]
pub(super) struct WrittenActor {
    pub name: String,
    pub needs: Needs,
    pub steps: Vec<Item>,
    pub repeat: usize,
    pub parallel: usize,
}

/// What is written as one step.
#[derive(Debug)]
pub(super) struct Item {
    pub id: Id,
    pub needs: Needs,
    pub each: Option<Each>,
    /// One for each place of its lists.
    pub acts: Vec<Act>,
}

impl Item {
    /// The most steps that it may come to.
    pub fn most(&self) -> usize {
        self.acts.len() * self.each.map_or(1, Each::most)
    }
}

#[derive(Clone, Debug)]
pub(super) enum Act {
    Plain(Step),
    Scripted(Draft),
}

/// A step that refers to others by where they are written.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub said: String,
    pub verb: Verb<Id>,
    /// `None` for the handle that the actor opened last.
    pub file: Option<Id>,
    pub data: Option<Arc<[u8]>>,
    pub waits: bool,
    pub cancelled: bool,
    pub expect: Expect,
    /// The control code is that of `for-each`.
    pub for_code: bool,
}

impl Draft {
    pub fn new(said: String) -> Draft {
        Draft {
            said,
            verb: Verb::Sleep(0),
            file: None,
            data: None,
            waits: true,
            cancelled: false,
            expect: Expect::default(),
            for_code: false,
        }
    }
}

impl Written {
    /// The scenarios for a driver: none if it lacks what they need.
    pub fn scenarios(&self, driver: &Abilities) -> Vec<Scenario> {
        self.codes(driver).into_iter().map(|code| self.scenario(driver, code)).collect()
    }

    /// What there is a scenario for: control codes, or `None` once.
    pub fn codes(&self, driver: &Abilities) -> Vec<Option<u32>> {
        match self.each {
            _ if !self.needs.met(driver) => Vec::new(),
            Some(each) => each.of(driver).map(Some).collect(),
            None => vec![None],
        }
    }

    /// What a driver lacks, or has too much, for there to be a scenario for it.
    pub fn unmet(&self, driver: &Abilities) -> Vec<String> {
        let mut unmet = self.needs.unmet(driver);
        if let Some(each) = self.each.filter(|each| each.of(driver).next().is_none()) {
            unmet.push(each.word().to_owned());
        }
        unmet
    }

    /// The scenario for a driver, and for one of its control codes.
    pub fn scenario(&self, driver: &Abilities, code: Option<u32>) -> Scenario {
        let present: Vec<&WrittenActor> =
            self.actors.iter().filter(|actor| actor.needs.met(driver)).collect();
        // Every step of every copy has a number of its own, by which the others refer to it.
        let mut copies: Vec<Block<'_>> = vec![Block { steps: &self.prepare, first: 1 }];
        let mut next = self.prepare.len() + 1;
        for actor in &present {
            for _ in 0..actor.parallel {
                copies.push(Block { steps: &actor.steps, first: next as u16 });
                next += actor.steps.len();
            }
        }
        let mut made = Making { driver, code, copies: &copies, steps: Vec::new() };
        let prepare = made.copy(0);
        let mut actors = Vec::new();
        for actor in present {
            for index in 0..actor.parallel {
                let steps = made.copy(actors.len() + 1);
                let name = match index {
                    0 => actor.name.clone(),
                    index => format!("{} {}", actor.name, index + 1),
                };
                actors.push((name, steps.repeat(actor.repeat)));
            }
        }
        let order = self.order.iter().filter_map(|&id| made.number(id, 0)).collect();
        let script = Script { steps: made.steps, order };
        let name = match code {
            Some(code) => self.name.replace(CODE, &format!("{code:08x}")),
            None => self.name.clone(),
        };
        let shuts_down = |(_, steps): &(String, Vec<Step>)| {
            steps.iter().any(|step| matches!(step, Step::Happen { notice: Notice::Shutdown }))
        };
        let mut wind_down = winding_down(driver, actors.iter().any(shuts_down));
        if !self.order.is_empty() {
            wind_down.insert(0, ("expectations".to_owned(), vec![Step::Order]));
        }
        Scenario {
            prepare,
            wind_down,
            stack: self.stack,
            script: Some(Arc::new(script)),
            ..Scenario::new(&name, actors)
        }
    }
}

/// The steps of one of several who do the same.
struct Block<'a> {
    steps: &'a [Item],
    /// Number of the first.
    first: u16,
}

struct Making<'a> {
    driver: &'a Abilities,
    code: Option<u32>,
    copies: &'a [Block<'a>],
    steps: Vec<Scripted>,
}

impl Making<'_> {
    /// The number of a step: that of the copy which refers to it, else the first there is.
    fn number(&self, id: Id, copy: usize) -> Option<u16> {
        let within = |copy: &Block<'_>| {
            let index = copy.steps.iter().position(|item| item.id == id)?;
            Some(copy.first + index as u16)
        };
        within(&self.copies[copy]).or_else(|| self.copies.iter().find_map(within))
    }

    fn copy(&mut self, copy: usize) -> Vec<Step> {
        let mut steps = Vec::new();
        let Block { steps: items, first } = &self.copies[copy];
        for (index, item) in items.iter().enumerate() {
            if !item.needs.met(self.driver) {
                continue;
            }
            let codes: Vec<Option<u32>> = match item.each {
                Some(each) => each.of(self.driver).map(Some).collect(),
                None => vec![self.code],
            };
            for code in codes {
                for act in &item.acts {
                    steps.push(match act {
                        Act::Plain(step) => *step,
                        Act::Scripted(draft) => {
                            let scripted = self.scripted(draft, first + index as u16, copy, code);
                            self.steps.push(scripted);
                            Step::Scripted { step: self.steps.len() as u16 - 1 }
                        }
                    });
                }
            }
        }
        steps
    }

    fn scripted(&self, draft: &Draft, tag: u16, copy: usize, code: Option<u32>) -> Scripted {
        // A step of an actor who is left out is one that nobody does.
        let number = |id| self.number(id, copy).unwrap_or(NOBODY);
        let mut verb = draft.verb.refer(number);
        if let (Verb::Transfer(transfer), true, Some(code)) = (&mut verb, draft.for_code, code) {
            transfer.code = code;
        }
        if let Verb::Transfer(transfer) = &mut verb
            && transfer.output == USUAL
        {
            transfer.output = self.driver.usual(transfer.major);
        }
        Scripted {
            said: draft.said.clone(),
            tag,
            verb,
            file: draft.file.map_or(OWN, number),
            data: draft.data.clone(),
            waits: draft.waits,
            cancelled: draft.cancelled,
            expect: draft.expect.clone(),
        }
    }
}

/// A number that no step has.
const NOBODY: u16 = u16::MAX - 1;
