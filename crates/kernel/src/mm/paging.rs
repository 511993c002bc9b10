//! Which parts of a driver's image may be paged out: as its sections say, but for those that the
//! driver locked, and all of it where the driver asked for that.

use crate::cx::{Cx, Stop};
use crate::service;
use crate::service::Service;
use crate::state::SectionLock;

/// The section that holds an address, by its module's number and its first byte.
fn section(cx: &mut Cx, inside: u64) -> Result<(usize, u64), Stop> {
    let found = cx.modules.iter().enumerate().find_map(|(number, module)| {
        let mut sections = module.sections.iter();
        let section = sections.find(|section| module.range(section).contains(&inside))?;
        Some((number, module.range(section).start))
    });
    match found {
        Some(found) => Ok(found),
        None => cx.unsupported(format!("locking {inside:#x}, which lies in no driver's section")),
    }
}

/// Counts a lock of a section; the handle is its first byte's address.
fn lock(cx: &mut Cx, inside: u64) -> Result<u64, Stop> {
    let (number, start) = section(cx, inside)?;
    match cx.state.locked_sections.iter_mut().find(|locked| locked.start == start) {
        Some(locked) => locked.count += 1,
        None => {
            let module = number as u8;
            cx.state.locked_sections.push(SectionLock { module, start, count: 1 });
        }
    }
    cx.page(number);
    Ok(start)
}

/// Locks the section that an address lies in, of code or data. `MmLockPagableCodeSection` is the
/// same routine.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmlockpagabledatasection>
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmlockpagablecodesection>
pub fn MmLockPagableDataSection(cx: &mut Cx, inside: u64) -> Result<u64, Stop> {
    lock(cx, inside)
}

/// Locks a section that was locked before, or is still.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-mmlockpagablesectionbyhandle>
pub fn MmLockPagableSectionByHandle(cx: &mut Cx, handle: u64) -> Result<(), Stop> {
    lock(cx, handle).map(drop)
}

/// Takes one lock of a section back; without any it may be paged out again.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmunlockpagableimagesection>
pub fn MmUnlockPagableImageSection(cx: &mut Cx, handle: u64) -> Result<(), Stop> {
    let (number, start) = section(cx, handle)?;
    let mut sections = cx.state.locked_sections.iter_mut();
    let Some(locked) = sections.find(|locked| locked.start == start && locked.count > 0) else {
        return cx.unsupported("MmUnlockPagableImageSection of a section that is not locked");
    };
    locked.count -= 1;
    cx.page(number);
    Ok(())
}

/// The driver that holds an address.
fn driver(cx: &mut Cx, inside: u64) -> Result<usize, Stop> {
    match cx.modules.iter().position(|module| module.contains(inside)) {
        Some(number) => Ok(number),
        None => cx.unsupported(format!("paging a driver by {inside:#x}, which lies in none")),
    }
}

/// Makes all of a driver pageable; returns its base.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-mmpageentiredriver>
pub fn MmPageEntireDriver(cx: &mut Cx, inside: u64) -> Result<u64, Stop> {
    let number = driver(cx, inside)?;
    cx.state.paged_drivers |= 1 << number;
    cx.page(number);
    Ok(cx.modules[number].base)
}

/// Makes a driver pageable as its image says.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-mmresetdriverpaging>
pub fn MmResetDriverPaging(cx: &mut Cx, inside: u64) -> Result<(), Stop> {
    let number = driver(cx, inside)?;
    cx.state.paged_drivers &= !(1 << number);
    cx.page(number);
    Ok(())
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(MmLockPagableDataSection, quiet),
        service!(MmLockPagableSectionByHandle, quiet),
        service!(MmUnlockPagableImageSection, quiet),
        service!(MmPageEntireDriver, quiet),
        service!(MmResetDriverPaging, quiet),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::{Image, Section, image_base};
    use crate::rtl::test_machine::run;
    use memory::Access;

    /// Code, code that may be paged out, data likewise; their addresses.
    fn load(cx: &mut Cx) -> [u64; 3] {
        let section = |name: &str, rva, code, pageable| Section {
            name: name.to_owned(),
            rva,
            bytes: 0x1000,
            code,
            writable: !code,
            pageable,
            discardable: false,
        };
        let base = image_base(0);
        cx.load(Image {
            name: "paged.sys".to_owned(),
            base,
            bytes: vec![0; 0x4000],
            entry: 0x1000,
            headers: 0x1000,
            sections: vec![
                section(".text", 0x1000, true, false),
                section("PAGE", 0x2000, true, true),
                section("PAGEDATA", 0x3000, false, true),
            ],
            imports: Vec::new(),
            cookie: None,
            guard: (None, None),
            role: Default::default(),
            uses: 0,
            library: (None, None),
        });
        [0x1000, 0x2000, 0x3000].map(|rva| base + rva)
    }

    /// Which of them may be read at DISPATCH_LEVEL.
    fn resident(cx: &mut Cx, sections: [u64; 3]) -> [bool; 3] {
        cx.set_irql(2);
        let resident = sections
            .map(|at| cx.bus.memory.check_allowing(at, 8, Access::Read, memory::TRACKED).is_ok());
        cx.set_irql(0);
        resident
    }

    #[test]
    fn locks_are_counted_section_by_section() {
        run(|cx| {
            let sections = load(cx);
            assert_eq!(resident(cx, sections), [true, false, false]);
            let handle = MmLockPagableDataSection(cx, sections[2] + 0x123)?;
            MmLockPagableSectionByHandle(cx, handle)?;
            assert_eq!(resident(cx, sections), [true, false, true]);
            MmUnlockPagableImageSection(cx, handle)?;
            assert_eq!(resident(cx, sections), [true, false, true]);
            MmUnlockPagableImageSection(cx, handle)?;
            assert_eq!(resident(cx, sections), [true, false, false]);
            Ok(())
        });
    }

    #[test]
    fn a_whole_driver_is_paged_but_for_what_is_locked() {
        run(|cx| {
            let sections = load(cx);
            MmLockPagableDataSection(cx, sections[1])?;
            assert_eq!(MmPageEntireDriver(cx, sections[0])?, sections[0] - 0x1000);
            assert_eq!(resident(cx, sections), [false, true, false]);
            MmResetDriverPaging(cx, sections[0])?;
            assert_eq!(resident(cx, sections), [true, true, false]);
            Ok(())
        });
    }
}
