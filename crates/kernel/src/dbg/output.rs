//! DbgPrint and its relatives: what they print goes into the record. The text is made in any case,
//! so that an argument that would crash Windows is found.

use crate::cx::{Cx, Stop};
use crate::rtl::print::{Arguments, narrow};
use crate::rtl::text::narrow_z;
use crate::service;
use crate::service::Service;
use nt::status::{STATUS_DEBUGGER_INACTIVE, STATUS_SUCCESS};

/// Most characters of one call (DbgPrint's page).
const MOST: usize = 512;

fn print(cx: &mut Cx, prefix: &[u8], text: u64, arguments: Arguments) -> Result<u32, Stop> {
    let mut out = prefix.to_vec();
    out.extend(narrow(cx, text, arguments)?);
    if cx.recorder.is_some() {
        out.truncate(MOST);
        let units = crate::rtl::characters::units_of_ansi(&out);
        let line = String::from_utf16_lossy(&units);
        cx.note(&format!("DbgPrint: {}", line.trim_end_matches(['\r', '\n'])));
    }
    Ok(STATUS_SUCCESS)
}

/// Prints to the debugger.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-dbgprint>
pub fn DbgPrint(cx: &mut Cx, text: u64) -> Result<u32, Stop> {
    print(cx, b"", text, Arguments::Own(1))
}

/// Prints to the debugger for a component at a level.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-dbgprintex>
pub fn DbgPrintEx(cx: &mut Cx, _component: u32, _level: u32, text: u64) -> Result<u32, Stop> {
    print(cx, b"", text, Arguments::Own(3))
}

/// Prints to the debugger, arguments in a `va_list`.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-vdbgprintex>
pub fn vDbgPrintEx(
    cx: &mut Cx,
    _component: u32,
    _level: u32,
    text: u64,
    list: u64,
) -> Result<u32, Stop> {
    print(cx, b"", text, Arguments::List(list))
}

/// Prints to the debugger behind a prefix, arguments in a `va_list`.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-vdbgprintexwithprefix>
pub fn vDbgPrintExWithPrefix(
    cx: &mut Cx,
    prefix: u64,
    _component: u32,
    _level: u32,
    text: u64,
    list: u64,
) -> Result<u32, Stop> {
    let prefix = narrow_z(cx, prefix, MOST as u64)?;
    print(cx, &prefix, text, Arguments::List(list))
}

/// Whether a component's output at a level is shown: everything is.
/// <https://learn.microsoft.com/windows-hardware/drivers/debugger/reading-and-filtering-debugging-messages>
pub fn DbgQueryDebugFilterState(_: &mut Cx, _component: u32, _level: u32) -> Result<bool, Stop> {
    Ok(true)
}

/// Chooses which output is shown: all is shown anyway.
/// <https://learn.microsoft.com/windows-hardware/drivers/debugger/reading-and-filtering-debugging-messages>
pub fn DbgSetDebugFilterState(
    _: &mut Cx,
    _component: u32,
    _level: u32,
    _state: bool,
) -> Result<u32, Stop> {
    Ok(STATUS_SUCCESS)
}

/// Stops kernel debugging, of which there is none.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kddisabledebugger>
pub fn KdDisableDebugger(_: &mut Cx) -> Result<u32, Stop> {
    Ok(STATUS_DEBUGGER_INACTIVE)
}

/// Starts kernel debugging again.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kdenabledebugger>
pub fn KdEnableDebugger(_: &mut Cx) -> Result<u32, Stop> {
    Ok(STATUS_DEBUGGER_INACTIVE)
}

/// Whether no debugger is there: none is.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kdrefreshdebuggernotpresent>
pub fn KdRefreshDebuggerNotPresent(_: &mut Cx) -> Result<bool, Stop> {
    Ok(true)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(DbgPrint, quiet),
        service!(DbgPrintEx, quiet),
        service!(vDbgPrintEx, quiet),
        service!(vDbgPrintExWithPrefix, quiet),
        service!(DbgQueryDebugFilterState, quiet),
        service!(DbgSetDebugFilterState, quiet),
        service!(KdDisableDebugger, quiet),
        service!(KdEnableDebugger, quiet),
        service!(KdRefreshDebuggerNotPresent, quiet),
    ]
}
