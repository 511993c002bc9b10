//! Instructions of x86 and x64 as text, in the syntax that is asked for.

use iced_x86::{
    FastFormatterOptions, Formatter, GasFormatter, Instruction, IntelFormatter, MasmFormatter,
    NasmFormatter, OpKind, SpecializedFormatter, SpecializedFormatterTraitOptions, SymbolResolver,
    SymbolResult,
};
use std::cell::RefCell;
use std::rc::Rc;

/// How instructions are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Syntax {
    /// As the kernel's debugger writes them: MASM, sizes always told.
    #[default]
    Debugger,
    /// As MASM takes them: sizes where they are needed.
    Masm,
    /// Intel's manuals, as XED writes it.
    Intel,
    /// NASM.
    Nasm,
    /// The GNU assembler, AT&T's order of operands.
    Gas,
}

/// Names that stand for the numbers of one instruction.
#[derive(Debug, Default)]
pub struct Operands {
    /// In place of a displacement or an address in memory; empty for none.
    pub memory: String,
    /// In place of an immediate or a branch target; empty for none.
    pub immediate: String,
}

/// Names as the formatters ask for them. They own what answers them, so the two sides share a cell.
struct Names(Rc<RefCell<Operands>>, String);

impl SymbolResolver for Names {
    fn symbol(
        &mut self,
        instruction: &Instruction,
        _: u32,
        operand: Option<u32>,
        address: u64,
        _: u32,
    ) -> Option<SymbolResult<'_>> {
        let operand = operand.filter(|it| *it < instruction.op_count())?;
        let is_memory = matches!(instruction.op_kind(operand), OpKind::Memory);
        let mut wanted = self.0.borrow_mut();
        let name = if is_memory { &mut wanted.memory } else { &mut wanted.immediate };
        if name.is_empty() {
            return None;
        }
        self.1.clear();
        self.1.push_str(name);
        Some(SymbolResult::with_str(address, &self.1))
    }
}

struct Plain;
struct Named;

/// What both forms of the fast formatter are set to, which then costs nothing to ask.
macro_rules! debugger_syntax {
    ($($name:ident, $names:literal;)*) => {$(
        impl SpecializedFormatterTraitOptions for $name {
            const ENABLE_SYMBOL_RESOLVER: bool = $names;
            fn rip_relative_addresses(_: &FastFormatterOptions) -> bool { false }
            fn use_pseudo_ops(_: &FastFormatterOptions) -> bool { true }
            fn always_show_memory_size(_: &FastFormatterOptions) -> bool { true }
            fn use_hex_prefix(_: &FastFormatterOptions) -> bool { false }
        }
    )*};
}
debugger_syntax!(Plain, false; Named, true;);

/// Columns of a mnemonic.
const MNEMONIC: usize = 8;

/// What may stand before a mnemonic.
const PREFIXES: [&str; 8] =
    ["lock", "rep", "repe", "repne", "bnd", "notrack", "xacquire", "xrelease"];

/// Writes instructions.
pub struct Printer {
    names: Rc<RefCell<Operands>>,
    own: Own,
    scratch: String,
}

enum Own {
    Debugger(SpecializedFormatter<Plain>, Box<SpecializedFormatter<Named>>),
    Other(Box<dyn Formatter>),
}

impl Printer {
    /// A printer of this syntax.
    pub fn new(syntax: Syntax) -> Self {
        let names = Rc::<RefCell<Operands>>::default();
        let resolver: Box<dyn SymbolResolver> = Box::new(Names(Rc::clone(&names), String::new()));
        let some = Some(resolver);
        let mut other: Box<dyn Formatter> = match syntax {
            Syntax::Debugger => {
                let with = SpecializedFormatter::try_with_options(some);
                let with = with.unwrap_or_else(|_| SpecializedFormatter::new());
                let own = Own::Debugger(SpecializedFormatter::new(), Box::new(with));
                return Self { names, own, scratch: String::new() };
            }
            Syntax::Masm => Box::new(MasmFormatter::with_options(some, None)),
            Syntax::Intel => Box::new(IntelFormatter::with_options(some, None)),
            Syntax::Nasm => Box::new(NasmFormatter::with_options(some, None)),
            Syntax::Gas => Box::new(GasFormatter::with_options(some, None)),
        };
        let options = other.options_mut();
        options.set_first_operand_char_index(MNEMONIC as u32);
        options.set_rip_relative_addresses(false);
        options.set_branch_leading_zeros(false);
        Self { names, own: Own::Other(other), scratch: String::new() }
    }

    /// Appends `instruction` to `to`, with what [`Printer::names`] holds in place of its numbers.
    pub fn print(&mut self, instruction: &Instruction, to: &mut String) {
        let (plain, named) = match &mut self.own {
            Own::Other(formatter) => return formatter.format(instruction, to),
            Own::Debugger(plain, named) => (plain, named),
        };
        self.scratch.clear();
        let has_names = {
            let names = self.names.borrow();
            !(names.memory.is_empty() && names.immediate.is_empty())
        };
        if has_names {
            named.format(instruction, &mut self.scratch);
        } else {
            plain.format(instruction, &mut self.scratch);
        }
        copy(&self.scratch, to);
    }

    /// The names for the instruction that is printed next.
    pub fn names(&self) -> std::cell::RefMut<'_, Operands> {
        self.names.borrow_mut()
    }
}

/// The fast formatter sets no columns, and gives numbers below ten an `h` that debuggers leave out.
fn copy(line: &str, to: &mut String) {
    const BLANKS: &str = "        ";
    let end = line.find(' ').unwrap_or(line.len());
    to.push_str(&line[..end]);
    let Some(rest) = line.get(end + 1..) else { return };
    // A prefix stands close before its instruction.
    let is_prefix = PREFIXES.contains(&&line[..end]);
    to.push_str(if is_prefix { " " } else { &BLANKS[..MNEMONIC.saturating_sub(end).max(1)] });
    let bytes = rest.as_bytes();
    let mut from = 0;
    // Only what follows a separator is a number; the `h` of a register or a name follows a letter.
    for at in memchr::memchr_iter(b'h', bytes) {
        let before = at.checked_sub(1).map(|it| bytes[it]);
        let separator = at.checked_sub(2).map(|it| bytes[it]);
        if before.is_some_and(|it| it.is_ascii_digit())
            && matches!(separator, None | Some(b',' | b'+' | b'-' | b'[' | b' '))
            && matches!(bytes.get(at + 1), None | Some(b',' | b']' | b'+' | b'-'))
        {
            to.push_str(&rest[from..at]);
            from = at + 1;
        }
    }
    to.push_str(&rest[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use iced_x86::{Decoder, DecoderOptions};

    fn text(syntax: Syntax, bytes: &[u8], memory: &str, immediate: &str) -> String {
        let mut printer = Printer::new(syntax);
        let mut names = printer.names();
        names.memory.push_str(memory);
        names.immediate.push_str(immediate);
        drop(names);
        let mut decoder = Decoder::with_ip(64, bytes, 0x1000, DecoderOptions::NONE);
        let mut text = String::new();
        printer.print(&decoder.decode(), &mut text);
        text
    }

    #[test]
    fn the_debuggers_syntax_is_that_of_the_debugger() {
        let of = |bytes: &[u8]| text(Syntax::Debugger, bytes, "", "");
        assert_eq!(of(&[0x48, 0x89, 0x5c, 0x24, 8]), "mov     qword ptr [rsp+8],rbx");
        assert_eq!(of(&[0x48, 0x83, 0xec, 0x28]), "sub     rsp,28h");
        assert_eq!(of(&[0xb8, 1, 0, 0, 0]), "mov     eax,1");
        assert_eq!(of(&[0xb8, 0x10, 0, 0, 0xc0]), "mov     eax,0C0000010h");
        assert_eq!(of(&[0xc3]), "ret");
        assert_eq!(of(&[0xf0, 0x0f, 0xb1, 0x11]), "lock cmpxchg dword ptr [rcx],edx");
        assert_eq!(of(&[0xb4, 0x09]), "mov     ah,9");
        assert_eq!(of(&[0x8b, 0x04, 0x8d, 9, 0, 0, 0]), "mov     eax,dword ptr [rcx*4+9]");
    }

    #[test]
    fn names_take_the_place_of_numbers() {
        let call = [0xff, 0x15, 0, 0x10, 0, 0];
        let of = |syntax| text(syntax, &call, "nt!IofCompleteRequest", "");
        assert_eq!(of(Syntax::Debugger), "call    qword ptr [nt!IofCompleteRequest]");
        assert_eq!(of(Syntax::Gas), "callq   *nt!IofCompleteRequest");
        let jump = text(Syntax::Debugger, &[0x74, 0x10], "", "fifo!Next+0x4 (1012)");
        assert_eq!(jump, "je      fifo!Next+0x4 (1012)");
        // One operand has a name, the other keeps its number.
        let mov = [0xc7, 0x05, 0, 0, 0, 0, 5, 0, 0, 0];
        assert_eq!(text(Syntax::Debugger, &mov, "Count", ""), "mov     dword ptr [Count],5");
    }

    #[test]
    fn every_syntax_has_its_own_form() {
        let mov = [0x48, 0x89, 0x5c, 0x24, 8];
        let of = |syntax| text(syntax, &mov, "", "");
        assert_eq!(of(Syntax::Masm), "mov     [rsp+8],rbx");
        assert_eq!(of(Syntax::Intel), "mov     [rsp+8],rbx");
        assert_eq!(of(Syntax::Nasm), "mov     [rsp+8],rbx");
        assert_eq!(of(Syntax::Gas), "mov     %rbx,8(%rsp)");
    }
}
