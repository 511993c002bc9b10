//! The loop: block after block, op after op.

use crate::bus::Bus;
use crate::cache::{CodeCache, NONE, NoBlock};
use crate::decode;
use crate::exec::{Dispatch, Exec, FALL, SLOTS, Slots, TAKEN, Why};
use crate::op::Op;
use crate::state::{Cpu, Exit};

impl Cpu {
    /// Executes from `rip` until something ends the run, see [`Exit`].
    ///
    /// `budget` counts down by one an instruction (a repeated string instruction: one more for
    /// every 64 iterations) and ends the run with [`Exit::Budget`] before it would go below zero.
    pub fn run<B: Bus>(
        &mut self,
        cache: &mut CodeCache,
        bus: &mut B,
        budget: &mut u64,
    ) -> Exit<B::Stop> {
        let mut x = Exec::new(*budget);
        let exit = self.run_blocks(cache, bus, &mut x);
        *budget = x.budget;
        exit
    }

    fn run_blocks<B: Bus>(
        &mut self,
        cache: &mut CodeCache,
        bus: &mut B,
        x: &mut Exec<B::Stop>,
    ) -> Exit<B::Stop> {
        let table = Dispatch::<B>::TABLE;
        let mut at = match cache.at(self.rip, bus) {
            Ok(at) => at as usize,
            Err(no) => return self.no_block(no, bus),
        };
        loop {
            let block = &cache.blocks[at];
            let count = u64::from(block.count);
            if x.budget < count {
                return self.run_tail(at, cache, bus, x);
            }
            x.budget -= count;
            x.next = FALL;
            for op in &block.ops {
                if B::TRACE {
                    bus.instruction(block.start.wrapping_add(u64::from(op.off)));
                }
                if table[op.kind as usize & (SLOTS - 1)](self, bus, x, op).is_err() {
                    self.rip = block.start.wrapping_add(u64::from(op.off));
                    x.budget += count - u64::from(op.ord);
                    return self.leave(op, bus, x);
                }
                if B::TRACE && op.weight == 2 {
                    bus.instruction(
                        block.start.wrapping_add(u64::from(op.off) + u64::from(op.len)),
                    );
                }
            }
            let direct = x.next <= TAKEN;
            if direct {
                let side = usize::from(x.next & 1);
                self.rip = if side == 0 { block.fall } else { block.taken };
                let link = block.links[side];
                if link != NONE && !cache.is_disabled(self.rip) {
                    at = link as usize;
                    continue;
                }
            }
            match cache.at(self.rip, bus) {
                Ok(next) => {
                    if direct {
                        cache.blocks[at].links[usize::from(x.next & 1)] = next;
                    }
                    at = next as usize;
                }
                Err(no) => return self.no_block(no, bus),
            }
        }
    }

    /// Runs the part of a block that the budget still covers.
    #[cold]
    fn run_tail<B: Bus>(
        &mut self,
        at: usize,
        cache: &CodeCache,
        bus: &mut B,
        x: &mut Exec<B::Stop>,
    ) -> Exit<B::Stop> {
        let table: &Slots<B> = Dispatch::<B>::TABLE;
        let block = &cache.blocks[at];
        for op in &block.ops {
            self.rip = block.start.wrapping_add(u64::from(op.off));
            if x.budget == 0 {
                break;
            }
            let mut op = *op;
            let split = u64::from(op.weight) > x.budget;
            if split {
                // A compare fused with a jump, and only the compare is paid for.
                match decode::fetch(bus, self.rip) {
                    Ok(instruction) => {
                        op = Op { weight: 1, len: op.len, ..decode::lower(&instruction) };
                    }
                    Err(stop) => return Exit::Bus { stop },
                }
            }
            if B::TRACE {
                bus.instruction(self.rip);
            }
            let whole = x.budget;
            x.budget -= u64::from(op.weight);
            if table[op.kind as usize & (SLOTS - 1)](self, bus, x, &op).is_err() {
                x.budget = whole.min(x.budget + u64::from(op.weight));
                return self.leave(&op, bus, x);
            }
            if split {
                self.rip = self.rip.wrapping_add(u64::from(op.len));
                break;
            }
        }
        Exit::Budget
    }

    #[cold]
    fn no_block<B: Bus>(&mut self, no: NoBlock<B::Stop>, bus: &mut B) -> Exit<B::Stop> {
        match no {
            NoBlock::Trap => Exit::Trap,
            NoBlock::Stop(stop) => Exit::Bus { stop },
            NoBlock::Disabled => match bus.fetch(self.rip, &mut [0; 15]) {
                Err(stop) => Exit::Bus { stop },
                Ok(_) => Exit::Unsupported { mnemonic: "code in a disabled range".to_string() },
            },
        }
    }

    /// The exit of an op that did not complete; `rip` is at its instruction.
    fn leave<B: Bus>(&mut self, op: &Op, bus: &mut B, x: &mut Exec<B::Stop>) -> Exit<B::Stop> {
        self.next_rip = self.rip.wrapping_add(u64::from(op.len));
        match x.why.take() {
            Some(Why::Stop(stop)) => Exit::Bus { stop },
            Some(Why::Interrupt(vector)) => Exit::Interrupt { vector },
            Some(Why::Halt) => Exit::Halt,
            Some(Why::Budget) => {
                x.budget = 0;
                Exit::Budget
            }
            Some(Why::Unsupported) => match decode::fetch(bus, self.rip) {
                Ok(instruction) => Exit::Unsupported { mnemonic: decode::text(&instruction) },
                Err(stop) => Exit::Bus { stop },
            },
            Some(Why::Privileged) => match decode::fetch(bus, self.rip) {
                Ok(instruction) => {
                    Exit::PrivilegedInstruction { mnemonic: decode::text(&instruction) }
                }
                Err(stop) => Exit::Bus { stop },
            },
            None => Exit::Unsupported { mnemonic: "an op that gave no reason".to_string() },
        }
    }
}
