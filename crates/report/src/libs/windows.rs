//! What is said of a library of Windows that is not had, for the two forms it is written in.

use libraries::{FunctionLack, Unusable, WindowsLack, WindowsSurvey};

/// The verdict on a program.
pub(crate) fn verdict(it: &WindowsSurvey) -> String {
    let lacks = it.lacks.iter().map(|it| it.is_delayed);
    let all: Vec<bool> = lacks.chain(it.functions.iter().map(|it| it.is_delayed)).collect();
    let fatal = all.iter().filter(|is_delayed| !**is_delayed).count();
    let delayed = all.len() - fatal;
    let things = |count: usize| match count {
        1 => "1 thing is missing".to_owned(),
        count => format!("{count} things are missing"),
    };
    match (fatal, delayed) {
        (0, 0) => "nothing is missing".to_owned(),
        (0, _) => format!("it starts, but {} that it may call", things(delayed)),
        (_, 0) => format!("it does not start: {}", things(fatal)),
        _ => format!(
            "it does not start: {}; besides, {} that it may call",
            things(fatal),
            things(delayed)
        ),
    }
}

/// What is missing and why, in one sentence without a full stop.
pub(crate) fn sentence(it: &WindowsSurvey, lack: &WindowsLack) -> String {
    let (machine, name) = (it.machine, &lack.name);
    match &lack.taken {
        Some(Unusable::Machine(path, other)) => {
            format!("the {machine} program gets {path} for {name}, and that is for {other}")
        }
        Some(Unusable::Broken(path, why)) => {
            format!("the {machine} program gets {path} for {name}, which cannot be used: {why}")
        }
        None => match lack.others.first() {
            Some((path, other)) => {
                format!(
                    "the {machine} program finds no {name}: only the one for {other} is installed, at {path}"
                )
            }
            None => format!("the {machine} program finds no {name}"),
        },
    }
}

/// What Windows says of it ("NTSTATUS Values", MS-ERREF; of what is loaded late, delayimp.h's exceptions).
pub(crate) fn status(lack: &WindowsLack) -> &'static str {
    match (&lack.taken, lack.is_delayed) {
        (Some(_), false) => "0xC000007B STATUS_INVALID_IMAGE_FORMAT",
        (None, false) => "0xC0000135 STATUS_DLL_NOT_FOUND",
        (Some(_), true) => "the exception 0xC06D00C1, once it is called",
        (None, true) => "the exception 0xC06D007E, once it is called",
    }
}

/// What to do about it.
pub(crate) fn remedy(it: &WindowsSurvey, lack: &WindowsLack) -> String {
    match (&lack.from, &lack.taken) {
        (Some(from), _) => format!("{}, that for {}", from.what, it.machine),
        (None, Some(Unusable::Machine(path, _) | Unusable::Broken(path, _))) => {
            format!("put the one for {} in the place of {path}", it.machine)
        }
        (None, None) => format!("put the one for {} beside the program", it.machine),
    }
}

/// Functions that are missing, in one sentence without a full stop.
pub(crate) fn functions(lack: &FunctionLack) -> String {
    let FunctionLack { by, module, .. } = lack;
    let count = lack.functions.len() + lack.more;
    match (lack.functions.first(), count) {
        (Some(name), 1) => format!("{by} imports {name} of {module}, which does not export it"),
        _ => format!("{by} imports {count} functions of {module} that it does not export"),
    }
}

/// What Windows says of them.
pub(crate) fn function_status(lack: &FunctionLack) -> &'static str {
    let by_ordinal = lack.functions.first().is_some_and(|name| name.starts_with('#'));
    match (lack.is_delayed, by_ordinal) {
        (true, _) => "the exception 0xC06D007F, once it is called",
        (false, true) => "0xC0000138 STATUS_ORDINAL_NOT_FOUND",
        (false, false) => "0xC0000139 STATUS_ENTRYPOINT_NOT_FOUND",
    }
}
