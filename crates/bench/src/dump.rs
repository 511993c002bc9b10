//! The end of a run as a crash of Windows: what a kernel dump of it holds.

mod kernel_image;

use crate::driver::Target;
use dump_writer::{
    Description, Machine, Memory, Module, Object, Offsets, Registers, Unloaded, X64,
};
use finding::Finding;
use kernel::state::BlockKind;
use kernel::{World, map};
use nt::layout::{ethread, kprcb, kthread};
use std::collections::BTreeSet;
use std::rc::Rc;

/// What routines of drivers return into, under the name that stacks shall show: it begins with the call, which
/// is what a return address is named by.
const CALLER: (&str, u64) = ("CallDriverRoutine", map::RETURN - 8);

/// What tags the finding in a dump, as `crates/diagnosis` knows it.
const FINDING: [u8; 16] = [
    0x0e, 0x8f, 0x1c, 0x6a, 0xd7, 0x52, 0x19, 0x4b, 0x9c, 0x3e, 0x62, 0x75, 0x67, 0x63, 0x68, 0x6b,
];

/// How much a dump holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// What a small dump has room for: stack, images, requests, pool, what registers and parameters point at.
    Small,
    /// All memory.
    Full,
}

/// Most pages of pool in a small dump.
const MOST_POOL_PAGES: usize = 256;

const PAGE: u64 = 0x1000;

/// Build of Windows whose layouts the bench has.
const BUILD: u32 = 19041;

/// A time that is the same in each dump of a run: the start of 2020, in units of 100 ns since 1601.
const TIME: u64 = 132_223_104_000_000_000;

/// Where the writer's own structures go: nothing of the bench lies there.
const STRUCTURES: u64 = 0xffff_f801_3000_0000;

/// The crash that `finding` is, with the machine as the run left it.
pub(crate) fn describe(
    target: &Rc<Target>,
    world: &World,
    finding: &Finding,
    extent: Extent,
) -> Description {
    let mut crash = Description::new(Machine::X64);
    crash.build = BUILD;
    crash.processors = u32::from(world.processors);
    crash.system_time = TIME;
    crash.structures = STRUCTURES;
    match &finding.bugcheck {
        Some(check) => (crash.bug_check, crash.parameters) = (check.code, check.parameters),
        // Windows would have gone on; the machine is stopped by hand, so to say.
        None => crash.bug_check = nt::bugcheck::MANUALLY_INITIATED_CRASH,
    }
    crash.comment = comment(finding);
    crash.broken_driver = blamed(finding);
    if let Ok(told) = serde_json::to_vec(finding) {
        crash.blobs.push((FINDING, told));
    }
    modules(target, world, &mut crash);
    let objected = world.recorder.as_ref().and_then(|recorder| recorder.objected.as_ref());
    if let Some((context, cpu)) = objected {
        crash.registers = Some(Registers::X64(X64 {
            general: cpu.gpr,
            rip: cpu.rip,
            flags: cpu.rflags() as u32,
            segments: [0x10, 0x2b, 0x2b, 0x53, 0x2b, 0x18],
            xmm: cpu.xmm.map(u128::to_le_bytes),
            mxcsr: cpu.mxcsr,
        }));
        processor(world, *context, &mut crash);
    }
    let image = kernel_image::build(world.registry.exports().chain([CALLER]));
    crash.memory.push(Memory::new(kernel_image::BASE, image));
    memory(world, &mut crash, extent);
    crash
}

/// What fits into the header's comment: the rule and how to run it again.
fn comment(finding: &Finding) -> String {
    let token = finding.replay.as_deref().unwrap_or_default();
    let mut text = format!("bugcheck {}: {token}", finding.rule);
    let most = 127;
    while text.len() > most {
        text.pop();
    }
    text
}

/// The driver's image of the last place, where the finding is a driver's fault.
fn blamed(finding: &Finding) -> Option<String> {
    let place = finding
        .places
        .iter()
        .rev()
        .find(|place| !place.module.is_empty() && place.module != "nt")?;
    (finding.blame == finding::Blame::Driver).then(|| place.module.clone())
}

fn modules(target: &Rc<Target>, world: &World, crash: &mut Description) {
    crash.modules.push(Module {
        path: format!("\\SystemRoot\\system32\\{}", kernel_image::NAME),
        base: kernel_image::BASE,
        size: kernel_image::SIZE,
        checksum: 0,
        stamp: kernel_image::STAMP,
    });
    for (number, (mapped, loaded)) in target.images().zip(&world.modules).enumerate() {
        let image = &mapped.image;
        let gone = world.state.images.get(number).and_then(|image| image.gone);
        // What Driver Verifier says of pool it says before the image is off the list.
        let leaves = (crash.bug_check, crash.parameters[0]) == (0xc4, 0x62);
        if gone.is_some() && !leaves {
            crash.unloaded.push(Unloaded {
                name: mapped.name.clone(),
                begin: loaded.base,
                end: loaded.base + loaded.bytes,
                time: TIME,
            });
            continue;
        }
        let header = pe::Image::parse(&image.bytes).ok();
        let (size, checksum, stamp) = header.map_or((loaded.bytes as u32, 0, 0), |header| {
            (header.size_of_image(), header.checksum(), header.timestamp())
        });
        crash.modules.push(Module {
            path: format!("\\SystemRoot\\System32\\drivers\\{}", mapped.name),
            base: loaded.base,
            size,
            checksum,
            stamp,
        });
    }
}

/// The processor's block, the thread, and the stack of whoever ran.
fn processor(world: &World, context: u8, crash: &mut Description) {
    let state = &world.state.contexts[usize::from(context)];
    let view = |address: u64, size: u64| {
        let mut bytes = vec![0; size as usize];
        world.bus.memory.view(address, &mut bytes);
        bytes
    };
    let prcb = map::PCR + u64::from(state.processor) * map::PCR_STRIDE + nt::layout::kpcr::PRCB;
    let mut block = view(prcb, kprcb::SIZE);
    block[kprcb::NUMBER as usize] = state.processor;
    crash.prcb = Some(Object { address: prcb, bytes: block });
    if state.thread != 0 {
        crash.thread =
            Some(Object { address: state.thread, bytes: view(state.thread, ethread::SIZE) });
    }
    crash.offsets = Offsets {
        prcb_current_thread: kprcb::CURRENT_THREAD as u16,
        prcb_number: kprcb::NUMBER as u16,
        kthread_initial_stack: kthread::INITIAL_STACK as u16,
        ..crash.offsets
    };
    let bottom = map::STACKS + u64::from(context) * map::STACK_STRIDE;
    let top = bottom + map::STACK_BYTES;
    if let Some(Registers::X64(registers)) = &crash.registers {
        let sp = registers.general[pe::unwind::RSP];
        if (bottom..top).contains(&sp) {
            crash.stack = Some(Object { address: sp, bytes: view(sp, top - sp) });
        }
    }
}

fn memory(world: &World, crash: &mut Description, extent: Extent) {
    let wanted = match extent {
        Extent::Full => None,
        Extent::Small => Some(small(world, crash)),
    };
    for (address, page) in world.bus.memory.pages() {
        if wanted.as_ref().is_none_or(|wanted| wanted.contains(&address)) {
            crash.memory.push(Memory::new(address, page.to_vec()));
        }
    }
}

/// The pages of a small dump.
fn small(world: &World, crash: &Description) -> BTreeSet<u64> {
    let mut pages = BTreeSet::new();
    let mut add = |address: u64, bytes: u64| {
        let first = address & !(PAGE - 1);
        pages.extend((first..address.saturating_add(bytes.max(1))).step_by(PAGE as usize));
    };
    for module in &world.modules {
        add(module.base, module.bytes);
    }
    let registers = match &crash.registers {
        Some(Registers::X64(registers)) => &registers.general[..],
        _ => &[],
    };
    for &pointer in registers.iter().chain(&crash.parameters) {
        add(pointer, 1);
    }
    // Requests and devices before what drivers allocate: there may be much of that.
    let order =
        [BlockKind::Irp, BlockKind::Device, BlockKind::Mdl, BlockKind::Object, BlockKind::Pool];
    for kind in order {
        let blocks =
            world.state.blocks().filter(|block| block.kind == kind && block.freed.is_none());
        let mut pages_of_kind = 0;
        for block in blocks {
            pages_of_kind += 1 + (block.bytes / PAGE) as usize;
            if pages_of_kind > MOST_POOL_PAGES {
                break;
            }
            add(block.address, block.bytes);
        }
    }
    pages
}
