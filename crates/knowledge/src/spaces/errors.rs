//! Win32 errors, SetupAPI's, the configuration manager's, and problem codes of devices.

use super::status::aliases;
use crate::answer::Answer;
use crate::space::Space;
use crate::table::{CM_PROB, CONFIGRET, NTSTATUS, SETUPAPI, WIN32};

const WIN32_PAGE: &str = "https://learn.microsoft.com/windows/win32/debug/system-error-codes";
const PROBLEM_PAGE: &str =
    "https://learn.microsoft.com/windows-hardware/drivers/install/device-manager-error-messages";

pub fn names() -> impl Iterator<Item = (Space, u32, &'static str)> {
    let tables = [
        (Space::Win32, &WIN32),
        (Space::SetupApi, &SETUPAPI),
        (Space::ConfigRet, &CONFIGRET),
        (Space::CmProb, &CM_PROB),
    ];
    tables
        .into_iter()
        .flat_map(|(space, table)| table.rows().iter().map(move |row| (space, row.value, row.name)))
}

pub fn win32(code: u32, decimal: bool) -> Option<Answer> {
    let row = WIN32.get(code)?;
    let likelihood = if decimal { 75 } else { 40 };
    let answer = Answer::new(Space::Win32, u64::from(code), row.name, likelihood)
        .meaning(row.meaning)
        .detail("decimal", code.to_string())
        .detail("also", aliases(&WIN32, code))
        .detail(
            "as HRESULT",
            if code == 0 { String::new() } else { format!("0x{:08X}", 0x8007_0000 | code) },
        );
    Some(answer.link(WIN32_PAGE))
}

pub fn setupapi(code: u32, value: u64) -> Option<Answer> {
    let row = SETUPAPI.get(code)?;
    let twin = match code >> 16 {
        0xE000 => 0x800F_0000 | code & 0xFFFF,
        _ => 0xE000_0000 | code & 0xFFFF,
    };
    let twin = SETUPAPI.get(twin).map(|row| format!("{} 0x{:08X}", row.name, row.value));
    let label = if code >> 16 == 0xE000 { "as HRESULT" } else { "as SetupAPI error" };
    Some(
        Answer::new(Space::SetupApi, value, row.name, 95)
            .meaning(row.meaning)
            .detail(label, twin.unwrap_or_default()),
    )
}

pub fn configret(code: u32) -> Option<Answer> {
    let row = CONFIGRET.get(code)?;
    let answer = Answer::new(Space::ConfigRet, u64::from(code), row.name, 12).meaning(row.meaning);
    Some(answer.detail("also", aliases(&CONFIGRET, code)))
}

pub fn cm_prob(code: u32, decimal: bool) -> Option<Answer> {
    let row = CM_PROB.get(code)?;
    let likelihood = if decimal { 45 } else { 18 };
    let mut answer = Answer::new(Space::CmProb, u64::from(code), row.name, likelihood)
        .meaning(row.meaning)
        .detail("Device Manager", format!("Code {code}"))
        .link(PROBLEM_PAGE);
    // The status that the driver gave is kept beside the problem.
    if matches!(code, 10 | 31 | 37 | 39) {
        let status = NTSTATUS.by_name("STATUS_UNSUCCESSFUL").map_or(0, |row| row.value);
        let advice = format!(
            "the device's property DEVPKEY_Device_ProblemStatus holds the NTSTATUS that went with it, \
             such as 0x{status:08X}; look that up"
        );
        answer = answer.detail("next", advice);
    }
    Some(answer)
}
