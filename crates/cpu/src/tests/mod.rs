//! Behaviour that one instruction alone does not show: restart, budgets, the cache, the machine.

mod bus;
mod cache;
mod fused;
mod machine;
mod run;
