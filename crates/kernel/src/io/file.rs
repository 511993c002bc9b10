//! Files by handle: those of the bench's disk, and devices that are opened by name.

use super::disk::on_volume;
use super::symbolic_link::find_below;
use crate::cx::{Cx, Stop};
use crate::ke::event::KeSetEvent;
use crate::ke::time::BOOT_TIME;
use crate::ob::object::{self, Kind};
use crate::ob::{attributes, by_handle, open_handle};
use crate::service;
use crate::service::Service;
use nt::layout::{file_basic_information as basic, file_standard_information as standard};
use nt::status::*;
use std::rc::Rc;

/// Dispositions (wdm.h).
const SUPERSEDE: u32 = 0;
const OPEN: u32 = 1;
const CREATE: u32 = 2;
const OPEN_IF: u32 = 3;
const OVERWRITE: u32 = 4;
const OVERWRITE_IF: u32 = 5;
/// FILE_DIRECTORY_FILE, FILE_NON_DIRECTORY_FILE (wdm.h).
const DIRECTORY: u32 = 0x1;
const NO_DIRECTORY: u32 = 0x40;
/// What IoStatusBlock.Information says (wdm.h).
const SUPERSEDED: u64 = 0;
const OPENED: u64 = 1;
const CREATED: u64 = 2;
const OVERWRITTEN: u64 = 3;
/// Most bytes that a file may have here.
const MOST_BYTES: u64 = 16 << 20;

fn answer(cx: &mut Cx, block: u64, status: u32, information: u64) -> Result<u32, Stop> {
    cx.write32(block, status)?;
    cx.write64(block + 8, information)?;
    Ok(status)
}

fn open_on_disk(
    cx: &mut Cx,
    path: &str,
    disposition: u32,
    options: u32,
) -> Result<(u16, u64), u32> {
    let found = cx.state.disk.find(path);
    let Some(number) = found else {
        if matches!(disposition, OPEN | OVERWRITE) {
            let whole = cx.state.disk.has_parent(path);
            return Err(if whole {
                STATUS_OBJECT_NAME_NOT_FOUND
            } else {
                STATUS_OBJECT_PATH_NOT_FOUND
            });
        }
        if !cx.state.disk.has_parent(path) {
            return Err(STATUS_OBJECT_PATH_NOT_FOUND);
        }
        let directory = options & DIRECTORY != 0;
        return Ok((Rc::make_mut(&mut cx.state.disk).add(path, directory), CREATED));
    };
    let directory = cx.state.disk.files[usize::from(number)].directory;
    if directory && options & NO_DIRECTORY != 0 {
        return Err(STATUS_FILE_IS_A_DIRECTORY);
    }
    if !directory && options & DIRECTORY != 0 {
        return Err(STATUS_NOT_A_DIRECTORY);
    }
    match disposition {
        CREATE => Err(STATUS_OBJECT_NAME_COLLISION),
        OPEN | OPEN_IF => Ok((number, OPENED)),
        SUPERSEDE | OVERWRITE | OVERWRITE_IF => {
            Rc::make_mut(&mut cx.state.disk).files[usize::from(number)].data = Rc::default();
            Ok((number, if disposition == SUPERSEDE { SUPERSEDED } else { OVERWRITTEN }))
        }
        _ => Err(STATUS_INVALID_PARAMETER),
    }
}

/// Opens or makes a file of the bench's disk, or opens a device.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-zwcreatefile>
pub fn ZwCreateFile(
    cx: &mut Cx,
    handle: u64,
    access: u32,
    object_attributes: u64,
    block: u64,
    _allocation: u64,
    _attributes: u32,
    _share: u32,
    disposition: u32,
    options: u32,
    _extended: u64,
    _extended_bytes: u32,
) -> Result<u32, Stop> {
    let (root, name, _) = attributes(cx, object_attributes)?;
    if root != 0 {
        return cx.unsupported("opening a file relative to another one");
    }
    if let Some((device, rest)) = find_below(cx, &name) {
        return match super::request::open_below(cx, device, rest, access)? {
            Ok(number) => {
                let file = cx.state.files[usize::from(number)].object;
                let value = open_handle(cx, file);
                cx.write64(handle, value)?;
                answer(cx, block, STATUS_SUCCESS, OPENED)
            }
            Err(status) => answer(cx, block, status, 0),
        };
    }
    let Some(path) = on_volume(&name) else {
        return answer(cx, block, STATUS_OBJECT_NAME_NOT_FOUND, 0);
    };
    let (file, information) = match open_on_disk(cx, &path, disposition, options) {
        Ok(opened) => opened,
        Err(status) => return answer(cx, block, status, 0),
    };
    let disk = Rc::make_mut(&mut cx.state.disk);
    disk.openings.push(super::disk::Opening { file, position: 0 });
    let number = (disk.openings.len() - 1) as u16;
    let size = nt::layout::file_object::SIZE;
    let Some(object) = object::make(cx, Kind::DiskFile(number), size) else {
        return Err(Stop::Run);
    };
    let value = open_handle(cx, object);
    cx.write64(handle, value)?;
    answer(cx, block, STATUS_SUCCESS, information)
}

/// Opens a file or a device.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-zwopenfile>
pub fn ZwOpenFile(
    cx: &mut Cx,
    handle: u64,
    access: u32,
    object_attributes: u64,
    block: u64,
    share: u32,
    options: u32,
) -> Result<u32, Stop> {
    ZwCreateFile(cx, handle, access, object_attributes, block, 0, 0, share, OPEN, options, 0, 0)
}

/// As ZwCreateFile; the three parameters behind those say how to check, and are left out.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iocreatefile>
pub fn IoCreateFile(
    cx: &mut Cx,
    handle: u64,
    access: u32,
    object_attributes: u64,
    block: u64,
    allocation: u64,
    file_attributes: u32,
    share: u32,
    disposition: u32,
    options: u32,
    extended: u64,
    extended_bytes: u32,
) -> Result<u32, Stop> {
    ZwCreateFile(
        cx,
        handle,
        access,
        object_attributes,
        block,
        allocation,
        file_attributes,
        share,
        disposition,
        options,
        extended,
        extended_bytes,
    )
}

/// The opening that a handle names, or the status to refuse with.
fn opening(cx: &mut Cx, handle: u64, what: &str) -> Result<Result<u16, u32>, Stop> {
    match by_handle(cx, handle) {
        Some((_, Kind::DiskFile(number))) => Ok(Ok(number)),
        Some((_, Kind::File(_))) => cx.unsupported(format!("{what} on a device's handle")),
        Some(_) => Ok(Err(STATUS_OBJECT_TYPE_MISMATCH)),
        None => Ok(Err(STATUS_INVALID_HANDLE)),
    }
}

/// Where a transfer starts: an offset, the position for none, or the end.
fn start(cx: &mut Cx, opening: u16, offset: u64) -> Result<u64, Stop> {
    let opening = cx.state.disk.openings[usize::from(opening)];
    let offset = if offset == 0 { -2 } else { cx.read64(offset)? as i64 };
    Ok(match offset {
        // FILE_USE_FILE_POINTER_POSITION and FILE_WRITE_TO_END_OF_FILE with -1 above.
        -2 => opening.position,
        -1 => cx.state.disk.files[usize::from(opening.file)].data.len() as u64,
        offset => offset as u64,
    })
}

fn done(
    cx: &mut Cx,
    event: u64,
    routine: u64,
    block: u64,
    status: u32,
    bytes: u64,
) -> Result<u32, Stop> {
    if routine != 0 {
        return cx.unsupported("a file request with an APC routine");
    }
    answer(cx, block, status, bytes)?;
    if event != 0
        && let Some((event, Kind::Event)) = by_handle(cx, event)
    {
        KeSetEvent(cx, event, 0, false)?;
    }
    Ok(status)
}

/// Reads from a file.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-ntreadfile>
pub fn ZwReadFile(
    cx: &mut Cx,
    handle: u64,
    event: u64,
    routine: u64,
    _context: u64,
    block: u64,
    buffer: u64,
    length: u32,
    offset: u64,
    _key: u64,
) -> Result<u32, Stop> {
    let number = match opening(cx, handle, "ZwReadFile")? {
        Ok(number) => number,
        Err(status) => return Ok(status),
    };
    let from = start(cx, number, offset)?;
    let file = cx.state.disk.openings[usize::from(number)].file;
    let data = cx.state.disk.files[usize::from(file)].data.clone();
    if from >= data.len() as u64 {
        return done(cx, event, routine, block, STATUS_END_OF_FILE, 0);
    }
    let part = &data[from as usize..];
    let part = &part[..part.len().min(length as usize)];
    cx.write_bytes(buffer, part)?;
    let end = from + part.len() as u64;
    Rc::make_mut(&mut cx.state.disk).openings[usize::from(number)].position = end;
    done(cx, event, routine, block, STATUS_SUCCESS, part.len() as u64)
}

/// Writes to a file.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-ntwritefile>
pub fn ZwWriteFile(
    cx: &mut Cx,
    handle: u64,
    event: u64,
    routine: u64,
    _context: u64,
    block: u64,
    buffer: u64,
    length: u32,
    offset: u64,
    _key: u64,
) -> Result<u32, Stop> {
    let number = match opening(cx, handle, "ZwWriteFile")? {
        Ok(number) => number,
        Err(status) => return Ok(status),
    };
    let from = start(cx, number, offset)?;
    let bytes = cx.read_bytes(buffer, u64::from(length))?;
    let end = from.saturating_add(bytes.len() as u64);
    if end > MOST_BYTES {
        return cx.limit(format!("a file of more than {} MiB", MOST_BYTES >> 20));
    }
    let disk = Rc::make_mut(&mut cx.state.disk);
    let opening = &mut disk.openings[usize::from(number)];
    opening.position = end;
    let data = Rc::make_mut(&mut disk.files[usize::from(opening.file)].data);
    if data.len() < end as usize {
        data.resize(end as usize, 0);
    }
    data[from as usize..end as usize].copy_from_slice(&bytes);
    done(cx, event, routine, block, STATUS_SUCCESS, u64::from(length))
}

/// Tells about a file: FileBasic-, FileStandard- and FilePositionInformation.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-ntqueryinformationfile>
pub fn ZwQueryInformationFile(
    cx: &mut Cx,
    handle: u64,
    block: u64,
    buffer: u64,
    length: u32,
    class: u32,
) -> Result<u32, Stop> {
    let number = match opening(cx, handle, "ZwQueryInformationFile")? {
        Ok(number) => number,
        Err(status) => return Ok(status),
    };
    let opening = cx.state.disk.openings[usize::from(number)];
    let file = cx.state.disk.files[usize::from(opening.file)].clone();
    let mut bytes = Vec::new();
    match class {
        4 => {
            for _ in 0..4 {
                bytes.extend(BOOT_TIME.to_le_bytes());
            }
            // FILE_ATTRIBUTE_DIRECTORY, FILE_ATTRIBUTE_NORMAL
            bytes.extend((if file.directory { 0x10u64 } else { 0x80 }).to_le_bytes());
            bytes.truncate(basic::SIZE as usize);
        }
        5 => {
            let size = file.data.len() as u64;
            bytes.extend(size.next_multiple_of(0x1000).to_le_bytes());
            bytes.extend(size.to_le_bytes());
            bytes.extend(1u32.to_le_bytes());
            bytes.extend([u8::from(file.deleted), u8::from(file.directory), 0, 0]);
            bytes.truncate(standard::SIZE as usize);
        }
        14 => bytes.extend(opening.position.to_le_bytes()),
        _ => return cx.unsupported(format!("ZwQueryInformationFile of class {class}")),
    }
    if (length as usize) < bytes.len() {
        return Ok(STATUS_INFO_LENGTH_MISMATCH);
    }
    cx.write_bytes(buffer, &bytes)?;
    answer(cx, block, STATUS_SUCCESS, bytes.len() as u64)
}

/// Changes a file: its position, its end, that it goes.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-ntsetinformationfile>
pub fn ZwSetInformationFile(
    cx: &mut Cx,
    handle: u64,
    block: u64,
    buffer: u64,
    _length: u32,
    class: u32,
) -> Result<u32, Stop> {
    let number = match opening(cx, handle, "ZwSetInformationFile")? {
        Ok(number) => number,
        Err(status) => return Ok(status),
    };
    let file = usize::from(cx.state.disk.openings[usize::from(number)].file);
    match class {
        // FileBasicInformation: times and attributes are not kept.
        4 => {}
        // FileDispositionInformation
        13 => {
            let delete = cx.read8(buffer)? != 0;
            Rc::make_mut(&mut cx.state.disk).files[file].deleted = delete;
        }
        // FilePositionInformation
        14 => {
            let position = cx.read64(buffer)?;
            Rc::make_mut(&mut cx.state.disk).openings[usize::from(number)].position = position;
        }
        // FileEndOfFileInformation
        20 => {
            let end = cx.read64(buffer)?;
            if end > MOST_BYTES {
                return cx.limit(format!("a file of more than {} MiB", MOST_BYTES >> 20));
            }
            let disk = Rc::make_mut(&mut cx.state.disk);
            Rc::make_mut(&mut disk.files[file].data).resize(end as usize, 0);
        }
        _ => return cx.unsupported(format!("ZwSetInformationFile of class {class}")),
    }
    answer(cx, block, STATUS_SUCCESS, 0)
}

/// Deletes a file.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-zwdeletefile>
pub fn ZwDeleteFile(cx: &mut Cx, object_attributes: u64) -> Result<u32, Stop> {
    let (_, name, _) = attributes(cx, object_attributes)?;
    let found = on_volume(&name).and_then(|path| cx.state.disk.find(&path));
    let Some(number) = found else { return Ok(STATUS_OBJECT_NAME_NOT_FOUND) };
    Rc::make_mut(&mut cx.state.disk).files[usize::from(number)].deleted = true;
    Ok(STATUS_SUCCESS)
}

/// Writes a file's buffers to disk: the disk is memory.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-ntflushbuffersfile>
pub fn ZwFlushBuffersFile(cx: &mut Cx, handle: u64, block: u64) -> Result<u32, Stop> {
    match opening(cx, handle, "ZwFlushBuffersFile")? {
        Ok(_) => answer(cx, block, STATUS_SUCCESS, 0),
        Err(status) => Ok(status),
    }
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(ZwCreateFile, partly "a small disk in memory; access and sharing are not checked"),
        service!(ZwOpenFile, partly "a small disk in memory; access and sharing are not checked"),
        service!(IoCreateFile, partly "as ZwCreateFile; no named pipes or mailslots"),
        service!(ZwReadFile, partly "files of the bench's disk, not devices; no APC"),
        service!(ZwWriteFile, partly "files of the bench's disk, not devices; no APC"),
        service!(ZwQueryInformationFile, partly "basic, standard and position information"),
        service!(ZwSetInformationFile, partly "disposition, position and end of file"),
        service!(ZwDeleteFile),
        service!(ZwFlushBuffersFile),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, bytes, run};
    use nt::layout::object_attributes as layout;
    use nt::string::to_utf16le_z;

    #[test]
    fn what_is_written_is_read_back() {
        run(|cx| {
            let name = "\\SystemRoot\\Temp\\fifo.log";
            let (text, string) = (bytes(cx, &to_utf16le_z(name)), block(cx, 16));
            crate::rtl::unicode::RtlInitUnicodeString(cx, string, text)?;
            let (named, place, status) = (block(cx, layout::SIZE), block(cx, 8), block(cx, 16));
            cx.write64(named + layout::OBJECT_NAME, string)?;
            let open = |cx: &mut Cx, how| {
                ZwCreateFile(cx, place, 0, named, status, 0, 0, 0, how, NO_DIRECTORY, 0, 0)
            };
            assert_eq!(open(cx, OPEN)?, STATUS_OBJECT_NAME_NOT_FOUND);
            assert_eq!(open(cx, CREATE)?, STATUS_SUCCESS);
            assert_eq!(cx.read64(status + 8)?, CREATED);
            let file = cx.read64(place)?;
            let data = bytes(cx, b"hello");
            assert_eq!(ZwWriteFile(cx, file, 0, 0, 0, status, data, 5, 0, 0)?, STATUS_SUCCESS);
            assert_eq!(ZwReadFile(cx, file, 0, 0, 0, status, data, 5, 0, 0)?, STATUS_END_OF_FILE);
            let (offset, back) = (bytes(cx, &1u64.to_le_bytes()), block(cx, 24));
            assert_eq!(ZwReadFile(cx, file, 0, 0, 0, status, back, 9, offset, 0)?, STATUS_SUCCESS);
            assert_eq!((cx.read_bytes(back, 4)?, cx.read64(status + 8)?), (b"ello".to_vec(), 4));
            assert_eq!(ZwQueryInformationFile(cx, file, status, back, 24, 5)?, STATUS_SUCCESS);
            assert_eq!(cx.read64(back + standard::END_OF_FILE)?, 5);
            assert_eq!(crate::ob::ZwClose(cx, file)?, STATUS_SUCCESS);
            assert_eq!(open(cx, CREATE)?, STATUS_OBJECT_NAME_COLLISION);
            assert_eq!(ZwDeleteFile(cx, named)?, STATUS_SUCCESS);
            assert_eq!(open(cx, OPEN)?, STATUS_OBJECT_NAME_NOT_FOUND);
            Ok(())
        });
    }
}
