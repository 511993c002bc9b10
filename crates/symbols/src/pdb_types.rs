//! Offsets of structure members, from a PDB's types.

use crate::pdb::guarded;
use pdb_addr2line::pdb::{FallibleIterator, PDB, TypeData, TypeFinder, TypeIndex};
use std::io::Cursor;

/// Field lists that continue each other are followed so far.
const MOST_LISTS: usize = 256;

/// Bytes from the start of each structure to its member, in the order of `wanted` (structure, member);
/// `None` where the PDB has no such member, or is damaged.
#[must_use]
pub fn member_offsets(pdb: &[u8], wanted: &[(&str, &str)]) -> Vec<Option<u64>> {
    guarded(|| offsets(pdb, wanted).ok()).flatten().unwrap_or_else(|| vec![None; wanted.len()])
}

fn offsets(
    pdb: &[u8],
    wanted: &[(&str, &str)],
) -> Result<Vec<Option<u64>>, pdb_addr2line::pdb::Error> {
    let mut pdb = PDB::open(Cursor::new(pdb))?;
    let types = pdb.type_information()?;
    let mut finder = types.finder();
    let mut lists: Vec<Option<TypeIndex>> = vec![None; wanted.len()];
    let mut iter = types.iter();
    while let Some(item) = iter.next()? {
        finder.update(&iter);
        if let Ok(TypeData::Class(class)) = item.parse()
            && !class.properties.forward_reference()
        {
            let name = class.name.to_string();
            for (list, _) in lists.iter_mut().zip(wanted).filter(|(_, (own, _))| *own == name) {
                *list = class.fields;
            }
        }
    }
    let found =
        lists.iter().zip(wanted).map(|(list, (_, member))| offset(&finder, (*list)?, member));
    Ok(found.collect())
}

fn offset(finder: &TypeFinder<'_>, list: TypeIndex, wanted: &str) -> Option<u64> {
    let mut list = Some(list);
    for _ in 0..MOST_LISTS {
        let TypeData::FieldList(fields) = finder.find(list?).ok()?.parse().ok()? else {
            return None;
        };
        for field in &fields.fields {
            if let TypeData::Member(member) = field
                && member.name.to_string() == wanted
            {
                return Some(member.offset);
            }
        }
        list = fields.continuation;
    }
    None
}
