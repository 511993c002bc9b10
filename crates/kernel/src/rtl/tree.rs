//! Binary trees of generic tables, in guest memory: links of three pointers, parent first.
//!
//! A table with an AVL tree has the root as the right child of its first member; one with a splay tree
//! has a pointer to it, and the root is its own parent.

use crate::cx::{Cx, Stop};
use nt::layout::{rtl_avl_table, rtl_balanced_links as balanced, rtl_splay_links as links};

/// Which child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// What is less.
    Left,
    /// What is greater.
    Right,
}

pub(super) use Side::{Left, Right};

impl Side {
    fn other(self) -> Side {
        if self == Left { Right } else { Left }
    }

    fn place(self, node: u64) -> u64 {
        node + if self == Left { links::LEFT_CHILD } else { links::RIGHT_CHILD }
    }

    fn weight(self) -> i8 {
        if self == Left { -1 } else { 1 }
    }
}

/// A table's tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tree {
    /// The table.
    pub table: u64,
    /// Balanced; else it splays.
    pub avl: bool,
}

/// A child, or 0.
pub(super) fn child(cx: &mut Cx, node: u64, side: Side) -> Result<u64, Stop> {
    cx.read64(side.place(node))
}

/// The last node on one side below and including `node`, which is not 0.
pub(super) fn outermost(cx: &mut Cx, mut node: u64, side: Side) -> Result<u64, Stop> {
    loop {
        match child(cx, node, side)? {
            0 => return Ok(node),
            next => node = next,
        }
    }
}

impl Tree {
    /// The root, or 0.
    pub fn root(self, cx: &mut Cx) -> Result<u64, Stop> {
        cx.read64(if self.avl { Right.place(self.table) } else { self.table })
    }

    /// A node's parent; 0 for the root.
    fn parent(self, cx: &mut Cx, node: u64) -> Result<u64, Stop> {
        let parent = cx.read64(node + links::PARENT)?;
        let none = if self.avl { self.table + rtl_avl_table::BALANCED_ROOT } else { node };
        Ok(if parent == none { 0 } else { parent })
    }

    fn side_of(self, cx: &mut Cx, parent: u64, node: u64) -> Result<Side, Stop> {
        Ok(if child(cx, parent, Left)? == node { Left } else { Right })
    }

    /// Puts `new`, which may be 0, where `old` is in its parent.
    fn replace(self, cx: &mut Cx, old: u64, new: u64) -> Result<(), Stop> {
        let parent = self.parent(cx, old)?;
        if parent == 0 {
            return self.set_root(cx, new);
        }
        let side = self.side_of(cx, parent, old)?;
        cx.write64(side.place(parent), new)?;
        if new == 0 { Ok(()) } else { cx.write64(new + links::PARENT, parent) }
    }

    fn set_root(self, cx: &mut Cx, node: u64) -> Result<(), Stop> {
        cx.write64(if self.avl { Right.place(self.table) } else { self.table }, node)?;
        let above = if self.avl { self.table } else { node };
        if node == 0 { Ok(()) } else { cx.write64(node + links::PARENT, above) }
    }

    /// Moves a node up into its parent's place, and the parent below it.
    fn rotate(self, cx: &mut Cx, node: u64) -> Result<(), Stop> {
        let parent = self.parent(cx, node)?;
        let side = self.side_of(cx, parent, node)?;
        let inner = child(cx, node, side.other())?;
        self.replace(cx, parent, node)?;
        cx.write64(side.place(parent), inner)?;
        if inner != 0 {
            cx.write64(inner + links::PARENT, parent)?;
        }
        cx.write64(side.other().place(node), parent)?;
        cx.write64(parent + links::PARENT, node)
    }

    /// Brings a node of a splay tree to the root.
    pub fn splay(self, cx: &mut Cx, node: u64) -> Result<(), Stop> {
        loop {
            let parent = self.parent(cx, node)?;
            if parent == 0 {
                return Ok(());
            }
            let above = self.parent(cx, parent)?;
            if above != 0 {
                let same = self.side_of(cx, parent, node)? == self.side_of(cx, above, parent)?;
                self.rotate(cx, if same { parent } else { node })?;
            }
            self.rotate(cx, node)?;
        }
    }

    /// The next node on one side in the tree's order, or 0.
    pub fn neighbour(self, cx: &mut Cx, mut node: u64, side: Side) -> Result<u64, Stop> {
        let below = child(cx, node, side)?;
        if below != 0 {
            return outermost(cx, below, side.other());
        }
        loop {
            let parent = self.parent(cx, node)?;
            if parent == 0 || self.side_of(cx, parent, node)? != side {
                return Ok(parent);
            }
            node = parent;
        }
    }

    /// Hangs a new node below `parent`, or makes it the root where that is 0.
    pub fn hang(self, cx: &mut Cx, node: u64, parent: u64, side: Side) -> Result<(), Stop> {
        cx.write64(Left.place(node), 0)?;
        cx.write64(Right.place(node), 0)?;
        if self.avl {
            cx.write64(node + balanced::BALANCE, 0)?;
        }
        if parent == 0 {
            return self.set_root(cx, node);
        }
        cx.write64(node + links::PARENT, parent)?;
        cx.write64(side.place(parent), node)?;
        if self.avl { self.grown(cx, parent, side) } else { self.splay(cx, node) }
    }

    /// Takes a node out.
    pub fn take_out(self, cx: &mut Cx, node: u64) -> Result<(), Stop> {
        let (left, right) = (child(cx, node, Left)?, child(cx, node, Right)?);
        let (shrunk, side) = if left != 0 && right != 0 {
            // The next greater one, which has nothing on its left, takes the node's place.
            let next = outermost(cx, right, Left)?;
            let from = self.parent(cx, next)?;
            let side = self.side_of(cx, from, next)?;
            let below = child(cx, next, Right)?;
            self.replace(cx, next, below)?;
            self.replace(cx, node, next)?;
            let right = child(cx, node, Right)?;
            for (child, side) in [(left, Left), (right, Right)] {
                cx.write64(side.place(next), child)?;
                if child != 0 {
                    cx.write64(child + links::PARENT, next)?;
                }
            }
            if self.avl {
                let balance = cx.read64(node + balanced::BALANCE)?;
                cx.write64(next + balanced::BALANCE, balance)?;
            }
            (if from == node { next } else { from }, side)
        } else {
            let from = self.parent(cx, node)?;
            let side = if from == 0 { Left } else { self.side_of(cx, from, node)? };
            self.replace(cx, node, left | right)?;
            (from, side)
        };
        if self.avl { self.shrunk(cx, shrunk, side) } else { Ok(()) }
    }

    fn balance(self, cx: &mut Cx, node: u64) -> Result<i8, Stop> {
        Ok(cx.read8(node + balanced::BALANCE)? as i8)
    }

    fn set_balance(self, cx: &mut Cx, node: u64, to: i8) -> Result<(), Stop> {
        cx.write8(node + balanced::BALANCE, to as u8)
    }

    /// The tree below `node` on one side has become higher by one.
    fn grown(self, cx: &mut Cx, mut node: u64, mut side: Side) -> Result<(), Stop> {
        while node != 0 {
            let balance = self.balance(cx, node)? + side.weight();
            if balance.abs() == 2 {
                return self.mend(cx, node, side).map(drop);
            }
            self.set_balance(cx, node, balance)?;
            if balance == 0 {
                break;
            }
            let parent = self.parent(cx, node)?;
            if parent != 0 {
                side = self.side_of(cx, parent, node)?;
            }
            node = parent;
        }
        Ok(())
    }

    /// The tree below `node` on one side has become lower by one.
    fn shrunk(self, cx: &mut Cx, mut node: u64, mut side: Side) -> Result<(), Stop> {
        while node != 0 {
            let balance = self.balance(cx, node)? - side.weight();
            if balance.abs() == 2 {
                node = self.mend(cx, node, side.other())?;
            } else {
                self.set_balance(cx, node, balance)?;
            }
            if self.balance(cx, node)? != 0 {
                break;
            }
            let parent = self.parent(cx, node)?;
            if parent != 0 {
                side = self.side_of(cx, parent, node)?;
            }
            node = parent;
        }
        Ok(())
    }

    /// `node` is too heavy by two on one side; returns what is in its place then.
    fn mend(self, cx: &mut Cx, node: u64, heavy: Side) -> Result<u64, Stop> {
        let below = child(cx, node, heavy)?;
        let (weight, balance) = (heavy.weight(), self.balance(cx, below)?);
        if balance == -weight {
            let middle = child(cx, below, heavy.other())?;
            let tilt = self.balance(cx, middle)?;
            self.rotate(cx, middle)?;
            self.rotate(cx, middle)?;
            self.set_balance(cx, node, if tilt == weight { -weight } else { 0 })?;
            self.set_balance(cx, below, if tilt == -weight { weight } else { 0 })?;
            self.set_balance(cx, middle, 0)?;
            return Ok(middle);
        }
        self.rotate(cx, below)?;
        let left = if balance == 0 { weight } else { 0 };
        self.set_balance(cx, node, left)?;
        self.set_balance(cx, below, -left)?;
        Ok(below)
    }
}
