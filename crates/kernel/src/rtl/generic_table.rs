//! Generic tables: elements of the driver's, in the order that its comparison says.
//!
//! The trees lie in memory that the driver allocates, behind links that it must leave alone. Elements
//! of a splay tree are also in a list in the order of their insertion.

use super::tree::{Left, Right, Tree, outermost};
use crate::cx::{Cx, Stop};
use crate::event::Routine;
use crate::service;
use crate::service::Service;
use memory::Access;
use nt::layout::{
    rtl_avl_table as avl, rtl_balanced_links, rtl_generic_table as splay, rtl_splay_links,
};

/// RTL_GENERIC_COMPARE_RESULTS: GenericLessThan, GenericGreaterThan; else GenericEqual (ntddk.h).
const LESS: u32 = 0;
const GREATER: u32 = 1;
/// TABLE_SEARCH_RESULT: TableEmptyTree, TableFoundNode, TableInsertAsLeft, TableInsertAsRight.
const EMPTY: u32 = 0;
const FOUND: u32 = 1;
const AS_LEFT: u32 = 2;
const AS_RIGHT: u32 = 3;
/// Where the list entry and the driver's data lie in an element of a splay tree, and the data in one
/// of an AVL tree.
const LIST: u64 = rtl_splay_links::SIZE;
const SPLAY_DATA: u64 = LIST + 16;
const AVL_DATA: u64 = rtl_balanced_links::SIZE;

impl Tree {
    const fn of(table: u64, avl: bool) -> Tree {
        Tree { table, avl }
    }

    /// The driver's data in an element; 0 for none.
    fn data(self, node: u64) -> u64 {
        match node {
            0 => 0,
            node => node + if self.avl { AVL_DATA } else { SPLAY_DATA },
        }
    }

    fn callback(self, cx: &mut Cx, which: [u64; 2], arguments: &[u64]) -> Result<u64, Stop> {
        let place = self.table + which[usize::from(self.avl)];
        let routine = cx.read64(place)?;
        cx.call(Routine::Callback, routine, arguments)
    }

    fn count_place(self) -> u64 {
        let places = [splay::NUMBER_GENERIC_TABLE_ELEMENTS, avl::NUMBER_GENERIC_TABLE_ELEMENTS];
        self.table + places[usize::from(self.avl)]
    }

    /// The element that equals what `buffer` holds, or whose child it would be, and which.
    fn search(self, cx: &mut Cx, buffer: u64) -> Result<(u64, u32), Stop> {
        let mut node = self.root(cx)?;
        if node == 0 {
            return Ok((0, EMPTY));
        }
        let compare = [splay::COMPARE_ROUTINE, avl::COMPARE_ROUTINE];
        loop {
            let arguments = [self.table, buffer, self.data(node)];
            let (side, result) = match self.callback(cx, compare, &arguments)? as u32 {
                LESS => (Left, AS_LEFT),
                GREATER => (Right, AS_RIGHT),
                _ => return Ok((node, FOUND)),
            };
            match super::tree::child(cx, node, side)? {
                0 => return Ok((node, result)),
                below => node = below,
            }
        }
    }

    /// Inserts a copy of what `buffer` holds where a search said; what is there already, or the new
    /// element, or 0.
    fn insert(
        self,
        cx: &mut Cx,
        (buffer, bytes): (u64, u32),
        new_element: u64,
        (mut node, result): (u64, u32),
    ) -> Result<u64, Stop> {
        let new = result != FOUND;
        if new {
            let allocate = [splay::ALLOCATE_ROUTINE, avl::ALLOCATE_ROUTINE];
            let size = self.data(1) - 1 + u64::from(bytes);
            let element = self.callback(cx, allocate, &[self.table, size])?;
            if element == 0 {
                if new_element != 0 {
                    cx.write8(new_element, 0)?;
                }
                return Ok(0);
            }
            cx.probe(element, size, Access::Write)?;
            if !self.avl {
                self.append(cx, element + LIST)?;
            }
            let side = if result == AS_RIGHT { Right } else { Left };
            self.hang(cx, element, node, side)?;
            let content = cx.read_bytes(buffer, u64::from(bytes))?;
            cx.write_bytes(self.data(element), &content)?;
            let place = self.count_place();
            let count = cx.read32(place)?;
            cx.write32(place, count.wrapping_add(1))?;
            node = element;
        } else if !self.avl {
            self.splay(cx, node)?;
        }
        if new_element != 0 {
            cx.write8(new_element, u8::from(new))?;
        }
        Ok(self.data(node))
    }

    /// Puts an entry at the end of the list of insertions.
    fn append(self, cx: &mut Cx, entry: u64) -> Result<(), Stop> {
        let head = self.table + splay::INSERT_ORDER_LIST;
        let last = cx.read64(head + 8)?;
        for (place, value) in [(entry, head), (entry + 8, last), (last, entry), (head + 8, entry)] {
            cx.write64(place, value)?;
        }
        Ok(())
    }

    fn delete(self, cx: &mut Cx, buffer: u64) -> Result<bool, Stop> {
        let (node, result) = self.search(cx, buffer)?;
        if result != FOUND {
            return Ok(false);
        }
        if self.avl {
            // An enumeration that stands there goes on behind it.
            if cx.read64(self.table + avl::RESTART_KEY)? == node {
                let before = self.neighbour(cx, node, Left)?;
                cx.write64(self.table + avl::RESTART_KEY, before)?;
            }
            let deleted = cx.read32(self.table + avl::DELETE_COUNT)?;
            cx.write32(self.table + avl::DELETE_COUNT, deleted.wrapping_add(1))?;
        } else {
            let entry = node + LIST;
            let (next, last) = (cx.read64(entry)?, cx.read64(entry + 8)?);
            cx.write64(last, next)?;
            cx.write64(next + 8, last)?;
        }
        self.take_out(cx, node)?;
        let place = self.count_place();
        let count = cx.read32(place)?;
        cx.write32(place, count.wrapping_sub(1))?;
        self.callback(cx, [splay::FREE_ROUTINE, avl::FREE_ROUTINE], &[self.table, node])?;
        Ok(true)
    }

    fn lookup(self, cx: &mut Cx, buffer: u64) -> Result<u64, Stop> {
        let (node, result) = self.search(cx, buffer)?;
        if result != FOUND {
            return Ok(0);
        }
        if !self.avl {
            self.splay(cx, node)?;
        }
        Ok(self.data(node))
    }

    fn first(self, cx: &mut Cx) -> Result<u64, Stop> {
        match self.root(cx)? {
            0 => Ok(0),
            root => outermost(cx, root, Left),
        }
    }

    /// The element behind the one that a restart key names, or the first; the key follows.
    fn next(self, cx: &mut Cx, key: u64) -> Result<u64, Stop> {
        let node = match cx.read64(key)? {
            0 => self.first(cx)?,
            last => self.neighbour(cx, last, Right)?,
        };
        if node != 0 {
            cx.write64(key, node)?;
        }
        Ok(self.data(node))
    }
}

/// Makes an empty table.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlinitializegenerictable>
pub fn RtlInitializeGenericTable(
    cx: &mut Cx,
    table: u64,
    compare: u64,
    allocate: u64,
    free: u64,
    context: u64,
) -> Result<(), Stop> {
    cx.write_bytes(table, &[0; splay::SIZE as usize])?;
    let list = table + splay::INSERT_ORDER_LIST;
    for (place, value) in [
        (list, list),
        (list + 8, list),
        (table + splay::ORDERED_POINTER, list),
        (table + splay::COMPARE_ROUTINE, compare),
        (table + splay::ALLOCATE_ROUTINE, allocate),
        (table + splay::FREE_ROUTINE, free),
        (table + splay::TABLE_CONTEXT, context),
    ] {
        cx.write64(place, value)?;
    }
    Ok(())
}

/// Makes an empty table with a balanced tree.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlinitializegenerictableavl>
pub fn RtlInitializeGenericTableAvl(
    cx: &mut Cx,
    table: u64,
    compare: u64,
    allocate: u64,
    free: u64,
    context: u64,
) -> Result<(), Stop> {
    cx.write_bytes(table, &[0; avl::SIZE as usize])?;
    for (place, value) in [
        (table, table),
        (table + avl::COMPARE_ROUTINE, compare),
        (table + avl::ALLOCATE_ROUTINE, allocate),
        (table + avl::FREE_ROUTINE, free),
        (table + avl::TABLE_CONTEXT, context),
    ] {
        cx.write64(place, value)?;
    }
    Ok(())
}

/// The element of this index in the order of insertion, or 0.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlgetelementgenerictable>
pub fn RtlGetElementGenericTable(cx: &mut Cx, table: u64, index: u32) -> Result<u64, Stop> {
    let tree = Tree::of(table, false);
    if index >= cx.read32(tree.count_place())? {
        return Ok(0);
    }
    let mut entry = cx.read64(table + splay::INSERT_ORDER_LIST)?;
    for _ in 0..index {
        entry = cx.read64(entry)?;
    }
    Ok(tree.data(entry - LIST))
}

/// The element of this index, or 0. The table keeps no order of insertion, of which the page speaks:
/// the index counts in the tree's order.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlgetelementgenerictableavl>
pub fn RtlGetElementGenericTableAvl(cx: &mut Cx, table: u64, index: u32) -> Result<u64, Stop> {
    let tree = Tree::of(table, true);
    if index >= cx.read32(tree.count_place())? {
        return Ok(0);
    }
    let mut node = tree.first(cx)?;
    for _ in 0..index {
        node = tree.neighbour(cx, node, Right)?;
    }
    Ok(tree.data(node))
}

/// The next element, or the first; it becomes the root.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlenumerategenerictable>
pub fn RtlEnumerateGenericTable(cx: &mut Cx, table: u64, restart: bool) -> Result<u64, Stop> {
    let tree = Tree::of(table, false);
    let root = tree.root(cx)?;
    let node = match root {
        0 => 0,
        _ if restart => tree.first(cx)?,
        root => tree.neighbour(cx, root, Right)?,
    };
    if node != 0 {
        tree.splay(cx, node)?;
    }
    Ok(tree.data(node))
}

/// The next element, or the first; the table remembers it.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlenumerategenerictableavl>
pub fn RtlEnumerateGenericTableAvl(cx: &mut Cx, table: u64, restart: bool) -> Result<u64, Stop> {
    let key = table + avl::RESTART_KEY;
    if restart {
        cx.write64(key, 0)?;
    }
    Tree::of(table, true).next(cx, key)
}

/// Searches; for what is not there, where it would be. `found` and `result` receive both.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtllookupelementgenerictablefullavl>
pub fn RtlLookupElementGenericTableFullAvl(
    cx: &mut Cx,
    table: u64,
    buffer: u64,
    found: u64,
    result: u64,
) -> Result<u64, Stop> {
    let tree = Tree::of(table, true);
    let (node, how) = tree.search(cx, buffer)?;
    cx.write32(result, how)?;
    if how != EMPTY {
        cx.write64(found, node)?;
    }
    Ok(if how == FOUND { tree.data(node) } else { 0 })
}

/// Inserts where a search said.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlinsertelementgenerictablefullavl>
pub fn RtlInsertElementGenericTableFullAvl(
    cx: &mut Cx,
    table: u64,
    buffer: u64,
    bytes: u32,
    new_element: u64,
    found: u64,
    result: u32,
) -> Result<u64, Stop> {
    let found = if result == EMPTY { 0 } else { found };
    Tree::of(table, true).insert(cx, (buffer, bytes), new_element, (found, result))
}

/// The first of the elements that match, for comparisons that make no difference between some.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtllookupfirstmatchingelementgenerictableavl>
pub fn RtlLookupFirstMatchingElementGenericTableAvl(
    cx: &mut Cx,
    table: u64,
    buffer: u64,
    key: u64,
) -> Result<u64, Stop> {
    let tree = Tree::of(table, true);
    let (mut node, result) = tree.search(cx, buffer)?;
    if result != FOUND {
        return Ok(0);
    }
    loop {
        let before = tree.neighbour(cx, node, Left)?;
        if before == 0 {
            break;
        }
        let compare = [splay::COMPARE_ROUTINE, avl::COMPARE_ROUTINE];
        let arguments = [table, buffer, tree.data(before)];
        let answer = tree.callback(cx, compare, &arguments)? as u32;
        if answer == LESS || answer == GREATER {
            break;
        }
        node = before;
    }
    cx.write64(key, node)?;
    Ok(tree.data(node))
}

/// Inserts a copy of what `buffer` holds, unless an element equals it; the element, or 0 without
/// memory.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlinsertelementgenerictable>
pub fn RtlInsertElementGenericTable(
    cx: &mut Cx,
    table: u64,
    buffer: u64,
    bytes: u32,
    new_element: u64,
) -> Result<u64, Stop> {
    let tree = Tree::of(table, false);
    let found = tree.search(cx, buffer)?;
    tree.insert(cx, (buffer, bytes), new_element, found)
}

/// The same with a balanced tree.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlinsertelementgenerictableavl>
pub fn RtlInsertElementGenericTableAvl(
    cx: &mut Cx,
    table: u64,
    buffer: u64,
    bytes: u32,
    new_element: u64,
) -> Result<u64, Stop> {
    let tree = Tree::of(table, true);
    let found = tree.search(cx, buffer)?;
    tree.insert(cx, (buffer, bytes), new_element, found)
}

/// Deletes the element that equals what `buffer` holds; false where none does.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtldeleteelementgenerictable>
pub fn RtlDeleteElementGenericTable(cx: &mut Cx, table: u64, buffer: u64) -> Result<bool, Stop> {
    Tree::of(table, false).delete(cx, buffer)
}

/// The same with a balanced tree.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtldeleteelementgenerictableavl>
pub fn RtlDeleteElementGenericTableAvl(cx: &mut Cx, table: u64, buffer: u64) -> Result<bool, Stop> {
    Tree::of(table, true).delete(cx, buffer)
}

/// The element that equals what `buffer` holds, or 0.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtllookupelementgenerictable>
pub fn RtlLookupElementGenericTable(cx: &mut Cx, table: u64, buffer: u64) -> Result<u64, Stop> {
    Tree::of(table, false).lookup(cx, buffer)
}

/// The same with a balanced tree.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtllookupelementgenerictableavl>
pub fn RtlLookupElementGenericTableAvl(cx: &mut Cx, table: u64, buffer: u64) -> Result<u64, Stop> {
    Tree::of(table, true).lookup(cx, buffer)
}

/// The element behind the one that `key` names, or the first; `key` follows.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlenumerategenerictablewithoutsplaying>
pub fn RtlEnumerateGenericTableWithoutSplaying(
    cx: &mut Cx,
    table: u64,
    key: u64,
) -> Result<u64, Stop> {
    Tree::of(table, false).next(cx, key)
}

/// The same with a balanced tree.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlenumerategenerictablewithoutsplayingavl>
pub fn RtlEnumerateGenericTableWithoutSplayingAvl(
    cx: &mut Cx,
    table: u64,
    key: u64,
) -> Result<u64, Stop> {
    Tree::of(table, true).next(cx, key)
}

/// How many elements there are.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlnumbergenerictableelements>
pub fn RtlNumberGenericTableElements(cx: &mut Cx, table: u64) -> Result<u32, Stop> {
    let place = Tree::of(table, false).count_place();
    cx.read32(place)
}

/// The same with a balanced tree.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlnumbergenerictableelementsavl>
pub fn RtlNumberGenericTableElementsAvl(cx: &mut Cx, table: u64) -> Result<u32, Stop> {
    let place = Tree::of(table, true).count_place();
    cx.read32(place)
}

/// Whether there is none.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlisgenerictableempty>
pub fn RtlIsGenericTableEmpty(cx: &mut Cx, table: u64) -> Result<bool, Stop> {
    Ok(Tree::of(table, false).root(cx)? == 0)
}

/// The same with a balanced tree.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlisgenerictableemptyavl>
pub fn RtlIsGenericTableEmptyAvl(cx: &mut Cx, table: u64) -> Result<bool, Stop> {
    Ok(Tree::of(table, true).root(cx)? == 0)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(RtlInitializeGenericTable, quiet),
        service!(RtlInitializeGenericTableAvl, quiet),
        service!(RtlInsertElementGenericTable),
        service!(RtlInsertElementGenericTableAvl),
        service!(RtlDeleteElementGenericTable),
        service!(RtlDeleteElementGenericTableAvl),
        service!(RtlLookupElementGenericTable),
        service!(RtlLookupElementGenericTableAvl),
        service!(RtlGetElementGenericTable),
        service!(RtlGetElementGenericTableAvl),
        service!(RtlEnumerateGenericTable),
        service!(RtlEnumerateGenericTableAvl),
        service!(RtlEnumerateGenericTableWithoutSplaying),
        service!(RtlEnumerateGenericTableWithoutSplayingAvl),
        service!(RtlNumberGenericTableElements),
        service!(RtlNumberGenericTableElementsAvl),
        service!(RtlIsGenericTableEmpty),
        service!(RtlIsGenericTableEmptyAvl),
        service!(RtlLookupElementGenericTableFullAvl),
        service!(RtlInsertElementGenericTableFullAvl),
        service!(RtlLookupFirstMatchingElementGenericTableAvl),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{CODE, block, run};

    /// Machine code: a comparison of two 32-bit numbers, an allocation out of the context's memory,
    /// and a routine that does nothing.
    fn routines(cx: &mut Cx) -> [u64; 3] {
        // mov eax,[rdx]; cmp eax,[r8]; mov eax,2; je 1f; mov eax,0; jb 1f; mov eax,1; 1: ret
        let compare = [
            0x8b, 0x02, 0x41, 0x3b, 0x00, 0xb8, 2, 0, 0, 0, 0x74, 12, 0xb8, 0, 0, 0, 0, 0x72, 5,
            0xb8, 1, 0, 0, 0, 0xc3,
        ];
        // mov eax,edx; mov r8,[rcx+OFFSET]; add rax,7; and al,0xf8; lock xadd [r8],rax; ret
        let allocate = |offset: u8| {
            [
                0x89, 0xd0, 0x4c, 0x8b, 0x41, offset, 0x48, 0x83, 0xc0, 7, 0x24, 0xf8, 0x49, 0x0f,
                0xc1, 0x00, 0xc3,
            ]
        };
        cx.bus.memory.poke(CODE, &compare);
        cx.bus.memory.poke(CODE + 0x40, &allocate(splay::TABLE_CONTEXT as u8));
        cx.bus.memory.poke(CODE + 0x60, &allocate(avl::TABLE_CONTEXT as u8));
        cx.bus.memory.poke(CODE + 0x80, &[0xc3]);
        [CODE, CODE + 0x40, CODE + 0x80]
    }

    fn table(cx: &mut Cx, with_avl: bool) -> Result<Tree, Stop> {
        let [compare, allocate, free] = routines(cx);
        let heap = block(cx, 0x8000);
        cx.write64(heap, heap + 8)?;
        let at = block(cx, avl::SIZE);
        if with_avl {
            RtlInitializeGenericTableAvl(cx, at, compare, allocate + 0x20, free, heap)?;
        } else {
            RtlInitializeGenericTable(cx, at, compare, allocate, free, heap)?;
        }
        Ok(Tree::of(at, with_avl))
    }

    /// Height, having looked at order, parents and balances.
    fn height(cx: &mut Cx, tree: Tree, node: u64, within: (u64, u64)) -> Result<i8, Stop> {
        if node == 0 {
            return Ok(0);
        }
        let key = u64::from(cx.read32(tree.data(node))?);
        assert!(within.0 <= key && key < within.1);
        let mut heights = [0; 2];
        for (side, room) in [(Left, (within.0, key)), (Right, (key + 1, within.1))] {
            let below = super::super::tree::child(cx, node, side)?;
            if below != 0 {
                assert_eq!(cx.read64(below)?, node);
            }
            heights[usize::from(side == Right)] = height(cx, tree, below, room)?;
        }
        if tree.avl {
            let balance = cx.read8(node + rtl_balanced_links::BALANCE)? as i8;
            assert_eq!(balance, heights[1] - heights[0]);
            assert!(balance.abs() < 2);
        }
        Ok(1 + heights[0].max(heights[1]))
    }

    fn keys(cx: &mut Cx, tree: Tree) -> Result<Vec<u32>, Stop> {
        let (key, mut all) = (block(cx, 8), Vec::new());
        loop {
            match tree.next(cx, key)? {
                0 => return Ok(all),
                data => all.push(cx.read32(data)?),
            }
        }
    }

    #[test]
    fn trees_stay_in_order_whatever_comes_and_goes() {
        for with_avl in [false, true] {
            run(move |cx| {
                let tree = table(cx, with_avl)?;
                let (buffer, new) = (block(cx, 8), block(cx, 1));
                let mut model = std::collections::BTreeSet::new();
                let mut seed = 7u32;
                for step in 0..400 {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let key = seed >> 24 & 63;
                    cx.write32(buffer, key)?;
                    if step % 3 == 2 {
                        assert_eq!(tree.delete(cx, buffer)?, model.remove(&key));
                    } else {
                        let found = tree.search(cx, buffer)?;
                        let data = tree.insert(cx, (buffer, 4), new, found)?;
                        assert_eq!(cx.read32(data)?, key);
                        assert_eq!(cx.read8(new)? != 0, model.insert(key));
                    }
                    let root = tree.root(cx)?;
                    height(cx, tree, root, (0, 64))?;
                    let place = tree.count_place();
                    assert_eq!(cx.read32(place)? as usize, model.len());
                }
                assert_eq!(keys(cx, tree)?, model.iter().copied().collect::<Vec<_>>());
                Ok(())
            });
        }
    }

    #[test]
    fn the_order_of_insertion_is_kept_beside() {
        run(|cx| {
            let tree = table(cx, false)?;
            let buffer = block(cx, 8);
            for key in [5u32, 1, 9] {
                cx.write32(buffer, key)?;
                RtlInsertElementGenericTable(cx, tree.table, buffer, 4, 0)?;
            }
            let second = RtlGetElementGenericTable(cx, tree.table, 1)?;
            assert_eq!(cx.read32(second)?, 1);
            assert_eq!(RtlGetElementGenericTable(cx, tree.table, 3)?, 0);
            let mut order = Vec::new();
            let mut data = RtlEnumerateGenericTable(cx, tree.table, true)?;
            while data != 0 {
                order.push(cx.read32(data)?);
                data = RtlEnumerateGenericTable(cx, tree.table, false)?;
            }
            assert_eq!(order, [1, 5, 9]);
            assert_eq!(RtlNumberGenericTableElements(cx, tree.table)?, 3);
            assert!(!RtlIsGenericTableEmpty(cx, tree.table)?);
            Ok(())
        });
    }

    #[test]
    fn a_search_is_carried_on_by_an_insertion() {
        run(|cx| {
            let tree = table(cx, true)?.table;
            let (buffer, found, result) = (block(cx, 8), block(cx, 8), block(cx, 8));
            for key in [4u32, 2, 4] {
                cx.write32(buffer, key)?;
                let known = RtlLookupElementGenericTableFullAvl(cx, tree, buffer, found, result)?;
                let (node, how) = (cx.read64(found)?, cx.read32(result)?);
                assert_eq!(known != 0, how == FOUND);
                RtlInsertElementGenericTableFullAvl(cx, tree, buffer, 4, 0, node, how)?;
            }
            assert_eq!(RtlNumberGenericTableElementsAvl(cx, tree)?, 2);
            let first = RtlLookupFirstMatchingElementGenericTableAvl(cx, tree, buffer, found)?;
            assert_eq!(RtlGetElementGenericTableAvl(cx, tree, 1)?, first);
            let next = RtlEnumerateGenericTableWithoutSplayingAvl(cx, tree, found)?;
            assert_eq!((cx.read32(first)?, next), (4, 0));
            Ok(())
        });
    }
}
