//! The verifier: rules that watch a run and object.
//!
//! A rule sees the kernel's events and its state, changes nothing, and says what is wrong, what
//! Windows would show, and which moments led there. Each has a file of its own in `rules`, named
//! after it, and a line in [`RULES`].
//!
//! | file | holds |
//! | --- | --- |
//! | `rules/` | the rules |
//! | `words` | wording and look-ups that they share |
//! | `stops` | bug checks that several of them end in |
//! | `outstanding` | unfinished requests at the end of a run, and who still holds them |
#![warn(missing_docs)]

mod outstanding;
pub mod rules;
mod stops;
mod words;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

pub use kernel::event::{Rule, Violation};

/// All rules. Of those that want the same event the first that objects ends the run, so what
/// tells more of the cause stands before what tells more of the effect.
pub static RULES: &[&Rule] = &[
    // Requests.
    &rules::irp_double_completion::RULE,
    &rules::irp_touched_after_completion::RULE,
    &rules::irp_completed_while_queued::RULE,
    &rules::irp_completed_with_cancel_routine::RULE,
    &rules::irp_completed_as_pending::RULE,
    &rules::irp_no_stack_location::RULE,
    &rules::irp_pending_not_marked::RULE,
    &rules::irp_pending_wrong_status::RULE,
    &rules::power_irp_never_completed::RULE,
    &rules::irp_never_completed::RULE,
    &rules::irp_cancel_ignored::RULE,
    // Spin locks.
    &rules::spinlock_double_acquire::RULE,
    &rules::spinlock_not_owned::RULE,
    &rules::spinlock_wrong_irql::RULE,
    &rules::spinlock_held_at_return::RULE,
    &rules::deadlock::RULE,
    // IRQL.
    &rules::dispatch_irql_changed::RULE,
    &rules::irql_wrong_direction::RULE,
    &rules::service_irql_too_high::RULE,
    &rules::wait_at_dispatch::RULE,
    &rules::paged_at_dispatch::RULE,
    // Memory.
    &rules::null_pointer::RULE,
    &rules::user_pointer::RULE,
    &rules::wild_pointer::RULE,
    &rules::image_write::RULE,
    &rules::kernel_stack_overflow::RULE,
    &rules::pool_overrun::RULE,
    &rules::pool_underrun::RULE,
    &rules::pool_use_after_free::RULE,
    &rules::pool_double_free::RULE,
    &rules::pool_bad_free::RULE,
    // Unloading.
    &rules::timer_left::RULE,
    &rules::dpc_left::RULE,
    &rules::work_item_left::RULE,
    &rules::thread_left::RULE,
    &rules::interrupt_left::RULE,
    &rules::notification_left::RULE,
    &rules::symbolic_link_left::RULE,
    &rules::device_left::RULE,
    &rules::pool_leak::RULE,
    &rules::use_after_unload::RULE,
    // The rest.
    &rules::data_race::RULE,
    &rules::irp_reordered::RULE,
    &rules::scenario_expectation::RULE,
    &rules::msi_no_message_table::RULE,
    &rules::bus_relations_wrong::RULE,
    &rules::wmi_answer_wrong::RULE,
    &rules::device_type_ignored::RULE,
    &rules::register_in_d3::RULE,
    &rules::foreign_interrupt_claimed::RULE,
    &rules::hang::RULE,
    &rules::no_progress::RULE,
    &rules::unhandled_exception::RULE,
    &rules::driver_bugcheck::RULE,
    &rules::stop_instruction::RULE,
];

/// Whether a run can go on beyond what a rule objects to: it was done or left undone, and the kernel
/// is still in one piece. An access that was refused, say, cannot be gone beyond.
pub fn may_be_left_out(rule: &Rule) -> bool {
    use kernel::event::Kind;
    let goes_on = |kind: &Kind| {
        matches!(
            kind,
            Kind::Dispatch
                | Kind::DispatchReturn
                | Kind::Enter
                | Kind::Leave
                | Kind::Service
                | Kind::Irql
                | Kind::Unloaded
                | Kind::End
                | Kind::Asleep
                | Kind::Claimed
                | Kind::FileType
                | Kind::Race
                | Kind::Overtaken
                | Kind::WmiAnswer
        )
    };
    rule.wants.iter().all(goes_on)
}

/// The rule of this name.
pub fn find(name: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.name == name)
}
