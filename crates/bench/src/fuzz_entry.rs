//! The fuzz target: any text as a scenario must neither panic nor run forever, and what is wrong with
//! it must have a place in it.

use crate::battery::Abilities;
use crate::scenario_file;

/// Reads a scenario, and makes it for a driver that has everything and for one that has nothing.
#[doc(hidden)]
pub fn fuzz_scenario(text: &str) {
    match scenario_file::read_own(text) {
        Ok(written) => {
            for driver in [Abilities::everything(), Abilities::default()] {
                let made = written.scenarios(&driver);
                assert!(!made.is_empty() || !written.unmet(&driver).is_empty());
                for scenario in made {
                    let steps = scenario.script.as_ref().map_or(0, |script| script.steps.len());
                    assert!(scenario.actors.len() <= 8 && steps <= 1 << 16);
                }
            }
        }
        Err(error) => {
            let lines = text.split('\n').count();
            assert!((1..=lines).contains(&error.line), "{error}");
            let line = text.split('\n').nth(error.line - 1).unwrap_or_default();
            assert!((1..=line.chars().count() + 1).contains(&error.column), "{error}");
            assert!(!error.problem.is_empty());
        }
    }
}
