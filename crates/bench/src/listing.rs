//! The standard scenarios, listed: all of them, or as far as they suit a driver.

use crate::battery;
use crate::campaign;
use crate::driver::{Refused, Target};
use crate::report::Driver;
use std::rc::Rc;

/// A standard scenario.
#[derive(Clone, Debug)]
pub struct Standard {
    /// Its name; `{code}` stands for each control code.
    pub name: &'static str,
    /// What it is for, one sentence.
    pub about: &'static str,
    /// What a driver has to have, such as `read`, or `read or write`.
    pub needs: Vec<String>,
    /// There is one for each of these, such as `control-code`.
    pub for_each: Option<&'static str>,
    /// How it is written, to begin one's own with.
    pub text: &'static str,
}

/// A standard scenario, and what a driver gets of it.
#[derive(Clone, Debug)]
pub struct Suited {
    /// The scenario.
    pub standard: Standard,
    /// Names of the driver's scenarios made from it.
    pub names: Vec<String>,
    /// What the driver lacks, if it gets none.
    pub lacks: Vec<String>,
}

/// The standard scenarios in the order in which they are tried.
#[must_use]
pub fn standard() -> Vec<Standard> {
    let both = battery::FILES.iter().zip(battery::standard());
    both.map(|(&(_, text), written)| Standard {
        name: &written.name,
        about: &written.about,
        needs: written.needs.words(),
        for_each: written.each.map(|each| each.word()),
        text,
    })
    .collect()
}

/// The same for a driver, which is loaded and started to see what it registers.
///
/// # Errors
/// One sentence, where the file is no driver that the bench can run, or loading it ends in a finding.
pub fn suited(driver: &Driver) -> Result<Vec<Suited>, Refused> {
    let target = Rc::new(Target::read(driver)?);
    let Some(abilities) = campaign::abilities(&target)? else {
        let problem = "loading and starting it ends in a finding, which `bugcheck test` tells.";
        return Err(Refused(problem.to_owned()));
    };
    let both = standard().into_iter().zip(battery::standard());
    Ok(both
        .map(|(standard, written)| {
            let scenarios = written.scenarios(&abilities).into_iter();
            let names: Vec<String> = scenarios.map(|scenario| scenario.name).collect();
            let lacks = if names.is_empty() { written.unmet(&abilities) } else { Vec::new() };
            Suited { standard, names, lacks }
        })
        .collect())
}
