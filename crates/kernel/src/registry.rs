//! All services, by address and by name. A new family file is listed here, and nowhere else.

use crate::map;
use crate::service::Service;
use std::collections::HashMap;
use std::sync::OnceLock;

fn services() -> &'static [Service] {
    static SERVICES: OnceLock<Vec<Service>> = OnceLock::new();
    SERVICES.get_or_init(|| {
        [
            crate::ke::services(),
            crate::ex::services(),
            crate::io::services(),
            crate::mm::services(),
            crate::ob::services(),
            crate::ps::services(),
            crate::rtl::services(),
            crate::se::services(),
            crate::cm::services(),
            crate::dbg::services(),
            crate::pnp::services(),
            crate::hal::services(),
            crate::po::services(),
        ]
        .into_iter()
        .flatten()
        .collect()
    })
}

/// How far the bench has an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// As documented.
    Whole,
    /// But for what is said here.
    Partly(&'static str),
    /// Not, and why; calling it ends the run.
    Refused(&'static str),
    /// Not; calling it ends the run.
    Missing,
}

/// See the module's description.
pub struct Registry {
    services: &'static [Service],
    by_name: HashMap<&'static str, usize>,
    data: HashMap<String, u64>,
    missing: Vec<String>,
}

impl Registry {
    pub(crate) fn new() -> Registry {
        let services = services();
        let by_name = services.iter().enumerate().map(|(index, s)| (s.name, index)).collect();
        Registry { services, by_name, data: HashMap::new(), missing: Vec::new() }
    }

    /// A service by number.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&'static Service> {
        self.services.get(index)
    }

    /// All services.
    pub fn all(&self) -> &'static [Service] {
        self.services
    }

    /// Address of a service that the bench has.
    pub fn address_of(&self, name: &str) -> Option<u64> {
        let index = *self.by_name.get(name)?;
        Some(map::FIRST_SERVICE + index as u64 * map::SERVICE_STRIDE)
    }

    /// The POBJECT_TYPE that a variable such as `IoFileObjectType` holds.
    pub(crate) fn object_type(&self, variable: &str) -> Option<u64> {
        self.data.get(variable).map(|at| at + crate::boot::OBJECT_TYPE)
    }

    /// Every name that the kernel exports, routines and variables, with its address.
    pub fn exports(&self) -> impl Iterator<Item = (&str, u64)> {
        let routines = self.services.iter().zip(0u64..).map(|(service, index)| {
            (service.name, map::FIRST_SERVICE + index * map::SERVICE_STRIDE)
        });
        routines.chain(self.data.iter().map(|(name, &address)| (name.as_str(), address)))
    }

    /// Exports a variable.
    pub(crate) fn add_data(&mut self, name: &str, address: u64) {
        self.data.insert(name.to_owned(), address);
    }

    /// Address for an import: a service, a variable, or a place that ends the run when called.
    pub(crate) fn resolve(&mut self, module: &str, name: &str) -> u64 {
        if let Some(&address) = self.data.get(name) {
            return address;
        }
        if let Some(address) = self.address_of(name) {
            return address;
        }
        let full = match crate::refused::reason(name) {
            Some(reason) => format!("{name} (of {module}; refused: {reason})"),
            None => format!("{name} (of {module})"),
        };
        let number = match self.missing.iter().position(|known| *known == full) {
            Some(number) => number,
            None => {
                self.missing.push(full);
                self.missing.len() - 1
            }
        };
        map::FIRST_SERVICE + (self.services.len() + number) as u64 * map::SERVICE_STRIDE
    }

    /// How far the bench has an import.
    pub fn support(&self, name: &str) -> Support {
        if let Some(&index) = self.by_name.get(name) {
            return match self.services[index].partly {
                Some(lacks) => Support::Partly(lacks),
                None => Support::Whole,
            };
        }
        if self.data.contains_key(name) {
            return Support::Whole;
        }
        crate::refused::reason(name).map_or(Support::Missing, Support::Refused)
    }

    pub(crate) fn is_missing(&self, address: u64) -> bool {
        let end = map::FIRST_SERVICE + self.services.len() as u64 * map::SERVICE_STRIDE;
        (end..map::KERNEL_CODE + map::KERNEL_CODE_BYTES).contains(&address)
    }

    /// Name of an import that the bench does not have, by the number its address gives.
    pub fn missing_name(&self, index: usize) -> Option<String> {
        self.missing.get(index.checked_sub(self.services.len())?).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_has_one_name_and_its_own_address() {
        let registry = Registry::new();
        assert_eq!(registry.by_name.len(), registry.services.len(), "a service is listed twice");
        let room = (map::KERNEL_CODE_BYTES - 0x1000) / map::SERVICE_STRIDE;
        assert!((registry.services.len() as u64) < room);
    }
}
