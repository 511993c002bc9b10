//! What a driver registers, found in its code: `DriverEntry` behind the linker's entry, the `MajorFunction` table,
//! and the other routines that the I/O manager calls.

mod flow;
mod values;

use crate::names::Kind;
use crate::unit::Unit;
use flow::Found;
use pe::Image;
use std::collections::BTreeMap;

/// A routine of a driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routine {
    /// Its address.
    pub address: u64,
    /// What it is registered as: `IRP_MJ_READ`, `DriverUnload`.
    pub roles: Vec<String>,
}

/// What a driver registers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Driver {
    /// Where the loader enters the image.
    pub start: u64,
    /// `DriverEntry`; the same as `start` where no other was found.
    pub entry: u64,
    /// Whether `start` prepares the security cookie first, as `GsDriverEntry` does.
    pub has_cookie: bool,
    /// Its routines, by address.
    pub routines: Vec<Routine>,
}

/// More majors than this make a routine the one for all others.
const MANY: usize = 8;

impl Driver {
    /// What the code of `image` registers. `None` where it has no entry in its code.
    pub(crate) fn read(unit: &Unit<'_>, image: &Image<'_>) -> Option<Self> {
        let start = unit.base.checked_add(image.entry_rva().into())?;
        unit.area_at(start).filter(|it| it.is_code)?;
        let cookie = image.load_config().ok().flatten().map(|it| it.security_cookie_va);
        let found = flow::follow(unit, start, cookie.filter(|it| *it != 0));
        let named = unit.names.find(|it| &*it.name == "DriverEntry" && it.kind == Kind::Function);
        let entry = named.or(found.entry).unwrap_or(start);
        let has_cookie = found.has_cookie && entry != start;
        let mut driver = Self { start, entry, has_cookie, routines: Vec::new() };
        driver.take(&found);
        Some(driver)
    }

    fn take(&mut self, found: &Found) {
        let mut by_address: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for (major, address) in found.majors() {
            let name =
                nt::irp::major_name(major).map_or_else(|| format!("{major:#x}"), str::to_owned);
            by_address.entry(address).or_default().push(name);
        }
        for (role, address) in found.others() {
            by_address.entry(address).or_default().push(role.to_owned());
        }
        by_address.entry(self.entry).or_default().insert(0, "DriverEntry".to_owned());
        if self.start != self.entry {
            by_address.entry(self.start).or_default().insert(0, self.start_role().to_owned());
        }
        self.routines =
            by_address.into_iter().map(|(address, roles)| Routine { address, roles }).collect();
    }

    fn start_role(&self) -> &'static str {
        if self.has_cookie {
            "GsDriverEntry: sets the security cookie"
        } else {
            "entry of the image"
        }
    }

    /// What the routine at `address` is registered as, in words; empty for others.
    pub fn about(&self, address: u64) -> String {
        let Ok(found) = self.routines.binary_search_by_key(&address, |it| it.address) else {
            return String::new();
        };
        let roles = &self.routines[found].roles;
        if roles.len() > MANY {
            return format!("{}, {} and {} others", roles[0], roles[1], roles.len() - 2);
        }
        roles.join(", ")
    }
}

/// A name for a routine that has none, after what it does: `DispatchRead` for IRP_MJ_READ.
fn own_name(roles: &[String]) -> String {
    let Some(first) = roles.first() else { return String::new() };
    let majors: Vec<&str> = roles.iter().filter_map(|it| it.strip_prefix("IRP_MJ_")).collect();
    match majors[..] {
        [] => first.split(':').next().unwrap_or_default().to_owned(),
        _ if majors.len() > MANY => "DispatchOthers".to_owned(),
        _ => {
            let mut name = "Dispatch".to_owned();
            for word in majors.iter().take(2).flat_map(|it| it.split('_')) {
                name.push_str(&word[..1]);
                name.push_str(&word[1..].to_ascii_lowercase());
            }
            name
        }
    }
}

impl Unit<'_> {
    /// Gives the driver's routines names where symbols have none.
    pub(crate) fn name_routines(&mut self) {
        let Some(driver) = &self.driver else { return };
        let mut named: Vec<(u64, Box<str>)> = Vec::new();
        for routine in &driver.routines {
            let known = self.names.at(routine.address);
            let is_known =
                known.is_some_and(|it| it.address == routine.address && it.kind == Kind::Function);
            if !is_known {
                let mut name = own_name(&routine.roles);
                if named.iter().any(|it| *it.1 == *name) {
                    name = format!("{name}_{:x}", routine.address.wrapping_sub(self.base));
                }
                named.push((routine.address, name.into()));
            }
        }
        self.names = std::mem::take(&mut self.names).with(named);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routines_without_names_are_called_after_what_they_do() {
        let of =
            |roles: &[&str]| own_name(&roles.iter().map(|&it| it.to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["IRP_MJ_READ"]), "DispatchRead");
        assert_eq!(of(&["IRP_MJ_CREATE", "IRP_MJ_CLOSE"]), "DispatchCreateClose");
        assert_eq!(of(&["IRP_MJ_DEVICE_CONTROL"]), "DispatchDeviceControl");
        assert_eq!(of(&["DriverUnload"]), "DriverUnload");
        assert_eq!(of(&["GsDriverEntry: sets the security cookie"]), "GsDriverEntry");
        assert_eq!(of(&["IRP_MJ_PNP"; 9]), "DispatchOthers");
    }

    /// A driver that GCC built with -O2, without its symbols: the routine that sets the cookie leaves registers
    /// alone that calls may change, two pointers are stored at once, and operations are chosen by a jump table.
    #[test]
    fn driver_entry_is_found_behind_the_linkers_entry() {
        let bytes = include_bytes!("../../../../drivers/clean/cookie-entry/cookie-entry.sys");
        let image = Image::parse(bytes).expect("an image");
        let (symbols, _) = symbols::Symbols::load(&[], None);
        let unit = Unit::of_image(&image, "cookie-entry.sys", &symbols).expect("x64");
        let driver = unit.driver.as_ref().expect("a driver");
        assert!(driver.has_cookie);
        let roles: Vec<&str> =
            driver.routines.iter().flat_map(|it| &it.roles).map(String::as_str).collect();
        let expected = [
            "IRP_MJ_CLEANUP",
            "IRP_MJ_CLOSE",
            "IRP_MJ_CREATE",
            "DriverUnload",
            "IRP_MJ_DEVICE_CONTROL",
            "DriverEntry",
            "GsDriverEntry: sets the security cookie",
        ];
        assert_eq!(roles, expected);
        // DWARF, if it is asked, says the same.
        let (symbols, _) = symbols::Symbols::load(bytes, None);
        for (address, name) in [(driver.entry, "DriverEntry"), (driver.start, "GsDriverEntry")] {
            assert_eq!(symbols.function(name).map(|it| unit.base + u64::from(it)), Some(address));
        }

        let mut cases = Cases::default();
        assert_eq!(
            crate::list(&unit, &crate::Span::All, crate::Syntax::Debugger, &mut cases),
            Ok(())
        );
        assert_eq!(cases.0, (0..8).collect::<Vec<_>>());
    }

    /// Cases of jump tables, in the order of the listing.
    #[derive(Default)]
    struct Cases(Vec<usize>);

    impl crate::Sink for Cases {
        fn section(&mut self, _: &crate::Area<'_>, _: u64) -> Result<(), crate::Stop> {
            Ok(())
        }
        fn label(&mut self, _: u64, _: &str, _: &str) -> Result<(), crate::Stop> {
            Ok(())
        }
        fn source(&mut self, _: &str, _: u32) -> Result<(), crate::Stop> {
            Ok(())
        }
        fn row(&mut self, _: &crate::Row<'_>) -> Result<(), crate::Stop> {
            Ok(())
        }
        fn case(&mut self, first: usize, last: usize, _: u64, _: &str) -> Result<(), crate::Stop> {
            self.0.extend(first..=last);
            Ok(())
        }
    }
}
