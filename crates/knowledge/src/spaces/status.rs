//! NTSTATUS and HRESULT: whole by name, else by their fields.
//!
//! Layout: [MS-ERREF] 2.1 and 2.3.

use crate::answer::Answer;
use crate::space::Space;
use crate::table::{
    FACILITY_HRESULT, FACILITY_NTSTATUS, HRESULT, NTSTATUS, SETUPAPI, Table, WIN32,
};

const NTSTATUS_PAGE: &str = "https://learn.microsoft.com/openspecs/windows_protocols/ms-erref/596a1078-e883-4972-9bbc-49e60bebca55";
const HRESULT_PAGE: &str = "https://learn.microsoft.com/openspecs/windows_protocols/ms-erref/0642cb2f-2075-4469-918c-4441e69c548a";

/// Set in an HRESULT that holds an NTSTATUS.
const NT_BIT: u32 = 0x1000_0000;
const CUSTOMER_BIT: u32 = 0x2000_0000;
const FACILITY_WIN32: u32 = 7;
const FACILITY_SETUPAPI: u32 = 15;

pub fn names() -> impl Iterator<Item = (Space, u32, &'static str)> {
    let statuses = NTSTATUS.rows().iter().map(|row| (Space::NtStatus, row.value, row.name));
    statuses.chain(HRESULT.rows().iter().map(|row| (Space::HResult, row.value, row.name)))
}

/// Other names of a value.
pub fn aliases(table: &Table, value: u32) -> String {
    let names: Vec<&str> = table.all(value).skip(1).map(|row| row.name).collect();
    names.join(", ")
}

pub fn ntstatus(status: u32, value: u64) -> Option<Answer> {
    let severity = ["success", "information", "warning", "error"][(status >> 30) as usize];
    let fields = |answer: Answer| {
        answer.detail("severity", severity).detail("facility", facility(status)).link(NTSTATUS_PAGE)
    };
    if let Some(row) = NTSTATUS.get(status) {
        let likelihood = match status >> 30 {
            0 if status == 0 => 60,
            0 => 35,
            _ => 90,
        };
        let answer = Answer::new(Space::NtStatus, value, row.name, likelihood)
            .meaning(row.meaning)
            .detail("also", aliases(&NTSTATUS, status));
        return Some(fields(answer));
    }
    if status >> 30 == 0 {
        return None;
    }
    let customer = status & CUSTOMER_BIT != 0;
    let name = format!("NTSTATUS 0x{status:08X}");
    let meaning = if customer {
        "a status that a driver or program defines itself"
    } else {
        "no name is known"
    };
    let likelihood = match status >> 30 {
        _ if status & NT_BIT != 0 => 3,
        1 => 4,
        _ => 20,
    };
    let answer = Answer::new(Space::NtStatus, value, name, likelihood).meaning(meaning);
    Some(fields(answer.detail("code", format!("0x{:X}", status & 0xFFFF))))
}

fn facility(status: u32) -> String {
    let facility = status >> 16 & 0xFFF;
    match FACILITY_NTSTATUS.get(facility) {
        Some(row) => format!("0x{facility:X} {}", row.name),
        None if facility == 0 => String::new(),
        None => format!("0x{facility:X}"),
    }
}

pub fn hresult(code: u32, value: u64) -> Option<Answer> {
    let facility = code >> 16 & 0x7FF;
    let low = code & 0xFFFF;
    let fields = |answer: Answer| {
        let name = FACILITY_HRESULT.get(facility).map(|row| row.name).unwrap_or_default();
        let severity = if code >> 31 == 1 { "failure" } else { "success" };
        answer
            .detail("severity", severity)
            .detail("facility", format!("0x{facility:X} {name}").trim_end())
            .detail("code", format!("0x{low:X} ({low})"))
            .link(HRESULT_PAGE)
    };
    let own = HRESULT.get(code);
    if code >> 31 == 0 {
        let row = own?;
        let likelihood = if code == 0 { 30 } else { 15 };
        return Some(fields(
            Answer::new(Space::HResult, value, row.name, likelihood).meaning(row.meaning),
        ));
    }
    if code & NT_BIT != 0 {
        let row = NTSTATUS.get(code & !NT_BIT)?;
        let name = format!("HRESULT_FROM_NT({})", row.name);
        let answer = Answer::new(Space::HResult, value, name, 70).meaning(row.meaning);
        return Some(answer.detail("status", format!("0x{:08X}", row.value)).link(HRESULT_PAGE));
    }
    let inner = (facility == FACILITY_WIN32).then(|| WIN32.get(low)).flatten();
    if let Some(row) = own {
        let answer =
            Answer::new(Space::HResult, value, row.name, if inner.is_some() { 92 } else { 80 });
        let answer = match inner {
            Some(inner) => answer
                .meaning(if row.meaning.is_empty() { inner.meaning } else { row.meaning })
                .detail("Win32 error", format!("{low} {}", inner.name)),
            None => answer.meaning(row.meaning),
        };
        return Some(fields(answer.detail("also", aliases(&HRESULT, code))));
    }
    if let Some(row) = inner {
        let name = format!("HRESULT_FROM_WIN32({})", row.name);
        let answer = Answer::new(Space::HResult, value, name, 92).meaning(row.meaning);
        return Some(fields(answer.detail("Win32 error", format!("{low} {}", row.name))));
    }
    if facility == FACILITY_SETUPAPI
        && let Some(row) = SETUPAPI.get(code)
    {
        let answer = Answer::new(Space::HResult, value, row.name, 60).meaning(row.meaning);
        return Some(fields(answer));
    }
    // Bit 29 is the customer's, and 30 is reserved; a status has both set for other reasons.
    if code >> 29 & 3 != 0 {
        return None;
    }
    let name = format!("HRESULT 0x{code:08X}");
    let likelihood =
        if facility != 0 && FACILITY_HRESULT.get(facility).is_some() { 40 } else { 15 };
    Some(fields(Answer::new(Space::HResult, value, name, likelihood).meaning("no name is known")))
}
