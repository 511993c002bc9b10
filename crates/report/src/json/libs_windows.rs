//! `bugcheck.libs-windows.1`.

use super::document;
use crate::libs::windows;
use libraries::{Place, Unusable, WindowsSurvey};
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    path: &'a str,
    machine: String,
    verdict: String,
    good: bool,
    missing: Vec<LackDocument<'a>>,
    functions: Vec<FunctionDocument<'a>>,
    /// What was found, the program first.
    modules: Vec<ModuleDocument<'a>>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct LackDocument<'a> {
    name: &'a str,
    sentence: String,
    imported_by: &'a [String],
    delayed: bool,
    /// The file that the loader takes and cannot use.
    taken: Option<&'a str>,
    looked_in: &'a [String],
    /// Paths of the same name for other processors.
    others: Vec<&'a str>,
    status: &'static str,
    remedy: String,
    page: Option<&'a str>,
}

#[derive(Serialize)]
struct FunctionDocument<'a> {
    sentence: String,
    module: &'a str,
    imported_by: &'a str,
    functions: &'a [String],
    /// How many there are beyond those named.
    more: usize,
    delayed: bool,
    status: &'static str,
}

#[derive(Serialize)]
struct ModuleDocument<'a> {
    name: &'a str,
    /// `file`, `system`, `of-windows`, `api-set`.
    place: &'static str,
    path: Option<&'a str>,
    /// Index of who imports it first.
    by: Option<usize>,
}

/// A survey, schema `bugcheck.libs-windows.1`.
///
/// # Errors
/// None that an input can cause.
pub fn windows_libraries_json(it: &WindowsSurvey) -> serde_json::Result<String> {
    document(&Document {
        schema: "bugcheck.libs-windows.1",
        path: &it.path,
        machine: it.machine.to_string(),
        verdict: windows::verdict(it),
        good: it.is_good(),
        missing: it
            .lacks
            .iter()
            .map(|lack| LackDocument {
                name: &lack.name,
                sentence: windows::sentence(it, lack),
                imported_by: &lack.by,
                delayed: lack.is_delayed,
                taken: lack.taken.as_ref().map(|it| match it {
                    Unusable::Machine(path, _) | Unusable::Broken(path, _) => path.as_str(),
                }),
                looked_in: &lack.folders,
                others: lack.others.iter().map(|(path, _)| path.as_str()).collect(),
                status: windows::status(lack),
                remedy: windows::remedy(it, lack),
                page: lack.from.map(|from| from.page.as_str()),
            })
            .collect(),
        functions: it
            .functions
            .iter()
            .map(|lack| FunctionDocument {
                sentence: windows::functions(lack),
                module: &lack.module,
                imported_by: &lack.by,
                functions: &lack.functions,
                more: lack.more,
                delayed: lack.is_delayed,
                status: windows::function_status(lack),
            })
            .collect(),
        modules: it
            .modules
            .iter()
            .map(|module| {
                let (place, path) = match &module.place {
                    Place::File(path) => ("file", Some(path.as_str())),
                    Place::System(path) => ("system", Some(path.as_str())),
                    Place::OfWindows => ("of-windows", None),
                    Place::ApiSet => ("api-set", None),
                };
                ModuleDocument { name: &module.name, place, path, by: module.by }
            })
            .collect(),
        notes: &it.notes,
    })
}
