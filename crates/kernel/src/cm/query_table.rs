//! `RtlQueryRegistryValues`: several values by a table.

use super::hive::{Hive, Value, reg};
use super::rtl::{OPTIONAL, whole_path, wide};
use crate::cx::{Cx, Stop};
use crate::event::Routine;
use crate::ex::pool;
use crate::rtl::text::Counted;
use crate::service;
use crate::service::Service;
use crate::state::BlockKind;
use nt::layout::rtl_query_registry_table as row;
use nt::status::*;
use nt::string::to_utf16le_z;
use std::rc::Rc;

/// RTL_QUERY_REGISTRY_ flags (wdm.h).
const SUBKEY: u32 = 0x1;
const TOPKEY: u32 = 0x2;
const REQUIRED: u32 = 0x4;
const NOVALUE: u32 = 0x8;
const NOEXPAND: u32 = 0x10;
const DIRECT: u32 = 0x20;
const DELETE: u32 = 0x40;
const TYPECHECK: u32 = 0x100;
/// RTL_QUERY_REGISTRY_TYPECHECK_SHIFT (wdm.h).
const TYPECHECK_SHIFT: u32 = 24;
/// Most rows that a table may have here.
const MOST_ROWS: u64 = 1000;

/// One row of a table.
struct Row {
    routine: u64,
    flags: u32,
    name: u64,
    entry: u64,
    default_type: u32,
    default_data: u64,
    default_length: u32,
}

impl Row {
    fn read(cx: &mut Cx, at: u64) -> Result<Row, Stop> {
        Ok(Row {
            routine: cx.read64(at + row::QUERY_ROUTINE)?,
            flags: cx.read32(at + row::FLAGS)?,
            name: cx.read64(at + row::NAME)?,
            entry: cx.read64(at + row::ENTRY_CONTEXT)?,
            default_type: cx.read32(at + row::DEFAULT_TYPE)?,
            default_data: cx.read64(at + row::DEFAULT_DATA)?,
            default_length: cx.read32(at + row::DEFAULT_LENGTH)?,
        })
    }

    fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }
}

fn is_text(kind: u32) -> bool {
    matches!(kind, reg::SZ | reg::EXPAND_SZ | reg::MULTI_SZ)
}

/// A block of the kernel's for one callback.
fn lend(cx: &mut Cx, bytes: &[u8]) -> Result<u64, Stop> {
    let room = bytes.len().max(1) as u64;
    let at = pool::allocate(cx, BlockKind::Buffer, true, room, 0);
    let Some(at) = at else { return Err(Stop::Run) };
    cx.bus.memory.poke(at, bytes);
    Ok(at)
}

/// Calls the routine of a row; its errors count, but for STATUS_BUFFER_TOO_SMALL.
fn report(
    cx: &mut Cx,
    row: &Row,
    name: &str,
    kind: u32,
    data: &[u8],
    context: u64,
) -> Result<u32, Stop> {
    let name = lend(cx, &to_utf16le_z(name))?;
    let place = if kind == reg::NONE && data.is_empty() { 0 } else { lend(cx, data)? };
    let args = [name, u64::from(kind), place, data.len() as u64, context, row.entry];
    let status = cx.call(Routine::Callback, row.routine, &args)? as u32;
    pool::free(cx, name);
    pool::free(cx, place);
    Ok(if status == STATUS_BUFFER_TOO_SMALL { STATUS_SUCCESS } else { status })
}

/// Stores a value where the row's entry context says.
fn store(cx: &mut Cx, row: &Row, kind: u32, data: &[u8]) -> Result<u32, Stop> {
    if is_text(kind) {
        let mut to = Counted::read(cx, row.entry)?;
        let bytes = data.len().min(usize::from(u16::MAX - 1));
        if to.buffer == 0 {
            let tag = nt::pool::tag(*b"CMvs");
            let at = pool::allocate(cx, BlockKind::Pool, true, bytes.max(2) as u64, tag);
            let Some(at) = at else { return Err(Stop::Run) };
            to = Counted { length: 0, maximum: bytes.max(2) as u16, buffer: at };
        } else if usize::from(to.maximum) < bytes {
            return Ok(STATUS_BUFFER_TOO_SMALL);
        }
        cx.write_bytes(to.buffer, &data[..bytes])?;
        // The length leaves out the terminator.
        to.length = bytes.saturating_sub(2) as u16;
        to.write(cx, row.entry)?;
        return Ok(STATUS_SUCCESS);
    }
    if data.len() <= 4 {
        cx.write_bytes(row.entry, data)?;
        return Ok(STATUS_SUCCESS);
    }
    let room = cx.read32(row.entry)? as i32;
    let needed = data.len() as u64 + if room < 0 { 0 } else { 8 };
    if u64::from(room.unsigned_abs()) < needed {
        return Ok(STATUS_BUFFER_TOO_SMALL);
    }
    let mut at = row.entry;
    if room >= 0 {
        cx.write32(at, data.len() as u32)?;
        cx.write32(at + 4, kind)?;
        at += 8;
    }
    cx.write_bytes(at, data)?;
    Ok(STATUS_SUCCESS)
}

/// Gives one value to whoever the row names.
fn deliver(
    cx: &mut Cx,
    row: &Row,
    name: &str,
    kind: u32,
    data: &[u8],
    context: u64,
) -> Result<u32, Stop> {
    if kind == reg::MULTI_SZ && !row.has(NOEXPAND) {
        if row.has(DIRECT) {
            return Ok(STATUS_INVALID_PARAMETER);
        }
        let units = crate::rtl::text::units_of(data);
        for part in units.split(|&unit| unit == 0).filter(|part| !part.is_empty()) {
            let mut bytes = crate::rtl::text::bytes_of(part);
            bytes.extend([0, 0]);
            let status = report(cx, row, name, reg::SZ, &bytes, context)?;
            if status >= 0x8000_0000 {
                return Ok(status);
            }
        }
        return Ok(STATUS_SUCCESS);
    }
    if kind == reg::EXPAND_SZ && !row.has(NOEXPAND) {
        let text = String::from_utf16_lossy(&crate::rtl::text::units_of(data));
        if text.contains('%') {
            return cx.unsupported(format!("expanding environment variables in `{text}`"));
        }
    }
    if row.has(DIRECT) {
        let wanted = row.default_type >> TYPECHECK_SHIFT;
        if row.has(TYPECHECK) && wanted != kind {
            return Ok(STATUS_OBJECT_TYPE_MISMATCH);
        }
        return store(cx, row, kind, data);
    }
    report(cx, row, name, kind, data, context)
}

/// What a row gives where its value is not there.
fn missing(cx: &mut Cx, row: &Row, name: &str, context: u64) -> Result<u32, Stop> {
    let kind = row.default_type & 0xff;
    if row.has(REQUIRED) {
        return Ok(STATUS_OBJECT_NAME_NOT_FOUND);
    }
    if kind == reg::NONE {
        return Ok(STATUS_SUCCESS);
    }
    let data = if is_text(kind) && row.default_length == 0 && row.default_data != 0 {
        if kind == reg::MULTI_SZ {
            return cx.unsupported("a default of type REG_MULTI_SZ without a length");
        }
        let text = wide(cx, row.default_data)?;
        to_utf16le_z(&text)
    } else {
        cx.read_bytes(row.default_data, u64::from(row.default_length))?
    };
    // A default is of the type that its row says, and checked against nothing.
    let unchecked = Row { flags: row.flags & !TYPECHECK, ..*row };
    deliver(cx, &unchecked, name, kind, &data, context)
}

fn one_value(cx: &mut Cx, row: &Row, key: Option<u16>, context: u64) -> Result<u32, Stop> {
    let name = wide(cx, row.name)?;
    let hive: Rc<Hive> = cx.state.hive.clone();
    let found = key.and_then(|key| hive.value(key, &name));
    let Some(value) = found else { return missing(cx, row, &name, context) };
    let status = deliver(cx, row, &name, value.kind, &value.data, context)?;
    if status < 0x8000_0000
        && row.has(DELETE)
        && let Some(key) = key
    {
        Rc::make_mut(&mut cx.state.hive).unset(key, &name);
    }
    Ok(status)
}

fn all_values(cx: &mut Cx, row: &Row, key: Option<u16>, context: u64) -> Result<u32, Stop> {
    let hive = cx.state.hive.clone();
    let values: &[Value] =
        key.and_then(|key| hive.key(key)).map(|key| key.values.as_slice()).unwrap_or_default();
    if values.is_empty() && row.has(REQUIRED) {
        return Ok(STATUS_OBJECT_NAME_NOT_FOUND);
    }
    for value in values {
        let status = deliver(cx, row, &value.name, value.kind, &value.data, context)?;
        if status >= 0x8000_0000 {
            return Ok(status);
        }
    }
    Ok(STATUS_SUCCESS)
}

/// Reads values as a table says: into the caller's memory, or through its routines.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlqueryregistryvalues>
pub fn RtlQueryRegistryValues(
    cx: &mut Cx,
    relative: u32,
    path: u64,
    table: u64,
    context: u64,
    _environment: u64,
) -> Result<u32, Stop> {
    let path = match whole_path(cx, relative, path)? {
        Ok(path) => path,
        Err(status) => return Ok(status),
    };
    let top = cx.state.hive.find(&path);
    if top.is_none() && relative & OPTIONAL == 0 {
        return Ok(STATUS_OBJECT_NAME_NOT_FOUND);
    }
    let mut key = top;
    for index in 0..MOST_ROWS {
        let row = Row::read(cx, table + index * row::SIZE)?;
        // The last row has neither routine nor name nor a flag that needs none.
        if row.routine == 0 && row.name == 0 && !row.has(SUBKEY | DIRECT) {
            return Ok(STATUS_SUCCESS);
        }
        if row.has(DIRECT) && (row.name == 0 || row.routine != 0 || row.has(SUBKEY)) {
            return Ok(STATUS_INVALID_PARAMETER);
        }
        if row.has(TOPKEY | SUBKEY) {
            key = top;
        }
        let status = if row.has(SUBKEY) {
            if row.name == 0 {
                return Ok(STATUS_INVALID_PARAMETER);
            }
            let name = wide(cx, row.name)?;
            key = cx.state.hive.find(&format!("{path}\\{name}"));
            match key {
                None if row.has(REQUIRED) => STATUS_OBJECT_NAME_NOT_FOUND,
                Some(_) if row.routine != 0 => all_values(cx, &row, key, context)?,
                _ => STATUS_SUCCESS,
            }
        } else if row.routine == 0 && !row.has(DIRECT) {
            return Ok(STATUS_INVALID_PARAMETER);
        } else if row.name == 0 && row.has(NOVALUE) {
            report(cx, &row, "", reg::NONE, &[], context)?
        } else if row.name == 0 {
            all_values(cx, &row, key, context)?
        } else {
            one_value(cx, &row, key, context)?
        };
        if status >= 0x8000_0000 {
            return Ok(status);
        }
    }
    cx.limit(format!("a registry table of more than {MOST_ROWS} rows"))
}

/// The same under its other name.
pub fn RtlQueryRegistryValuesEx(
    cx: &mut Cx,
    relative: u32,
    path: u64,
    table: u64,
    context: u64,
    environment: u64,
) -> Result<u32, Stop> {
    RtlQueryRegistryValues(cx, relative, path, table, context, environment)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(RtlQueryRegistryValues, partly "environment variables are not expanded"),
        service!(RtlQueryRegistryValuesEx, partly "environment variables are not expanded"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cm::hive::{SERVICES, add_service, text};
    use crate::rtl::test_machine::{block, bytes, run};

    fn put(cx: &mut Cx, at: u64, flags: u32, name: u64, entry: u64, default: (u32, u64, u32)) {
        let memory = &mut cx.bus.memory;
        memory.poke32(at + row::FLAGS, flags);
        memory.poke64(at + row::NAME, name);
        memory.poke64(at + row::ENTRY_CONTEXT, entry);
        memory.poke32(at + row::DEFAULT_TYPE, default.0);
        memory.poke64(at + row::DEFAULT_DATA, default.1);
        memory.poke32(at + row::DEFAULT_LENGTH, default.2);
    }

    #[test]
    fn values_go_straight_to_where_the_rows_say() {
        run(|cx| {
            let hive = Rc::make_mut(&mut cx.state.hive);
            let key = add_service(hive, "fifo");
            hive.set(key, "Serial", reg::BINARY, (0..8).collect());
            let path = bytes(cx, &text(&format!("{SERVICES}\\fifo")));
            let table = block(cx, 5 * row::SIZE);
            let (start, depth, serial, image) = (
                bytes(cx, &text("Start")),
                bytes(cx, &text("Depth")),
                bytes(cx, &text("Serial")),
                bytes(cx, &text("DisplayName")),
            );
            let (number, other, string) = (block(cx, 4), block(cx, 4), block(cx, 16));
            let (room, default) = (block(cx, 16), bytes(cx, &7u32.to_le_bytes()));
            cx.write32(room, 16)?;
            let checked = DIRECT | TYPECHECK;
            put(cx, table, checked, start, number, (reg::DWORD << 24, 0, 0));
            put(cx, table + row::SIZE, DIRECT, depth, other, (reg::DWORD, default, 4));
            put(cx, table + 2 * row::SIZE, DIRECT, serial, room, (0, 0, 0));
            put(cx, table + 3 * row::SIZE, DIRECT, image, string, (0, 0, 0));
            let query = |cx: &mut Cx| RtlQueryRegistryValues(cx, 0, path, table, 0, 0);
            assert_eq!(query(cx)?, STATUS_SUCCESS);
            assert_eq!((cx.read32(number)?, cx.read32(other)?), (3, 7));
            assert_eq!((cx.read32(room)?, cx.read8(room + 15)?), (8, 7));
            assert_eq!(crate::io::device::unicode_string(cx, string)?, "fifo");
            crate::rtl::unicode::RtlFreeUnicodeString(cx, string)?;
            put(cx, table, checked, start, number, (reg::SZ << 24, 0, 0));
            assert_eq!(query(cx)?, STATUS_OBJECT_TYPE_MISMATCH);
            put(cx, table, DIRECT | REQUIRED, depth, number, (0, 0, 0));
            assert_eq!(query(cx)?, STATUS_OBJECT_NAME_NOT_FOUND);
            let nowhere = bytes(cx, &text("nowhere"));
            let status = RtlQueryRegistryValues(cx, 1, nowhere, table, 0, 0)?;
            assert_eq!(status, STATUS_OBJECT_NAME_NOT_FOUND);
            Ok(())
        });
    }
}
