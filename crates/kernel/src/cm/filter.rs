//! Somebody else uses the registry: what drivers are told that filter its calls.
//!
//! A program creates a key, sets, asks for and deletes a value, deletes the key and closes it. A
//! driver is told before and after each, and may prevent it. The key is nobody's but the program's:
//! nothing of it is in the registry that drivers see.
//! <https://learn.microsoft.com/windows-hardware/drivers/kernel/filtering-registry-calls>

use crate::cx::{Cx, Stop};
use crate::ex::pool;
use crate::io::notices;
use crate::io::registered::{Event, Notification};
use nt::layout::{
    reg_create_key_information as create, reg_delete_key_information as delete_key,
    reg_delete_value_key_information as delete_value, reg_key_handle_close_information as close,
    reg_post_operation_information as post, reg_query_value_key_information as query,
    reg_set_value_key_information as set,
};
use nt::status::STATUS_SUCCESS;

/// REG_NOTIFY_CLASS (wdm.h): before and after.
const CREATE: [u64; 2] = [26, 27];
const SET: [u64; 2] = [1, 16];
const QUERY: [u64; 2] = [8, 23];
const DELETE_VALUE: [u64; 2] = [2, 17];
const DELETE_KEY: [u64; 2] = [0, 15];
const CLOSE: [u64; 2] = [14, 25];

/// KEY_ALL_ACCESS (wdm.h).
const ALL_ACCESS: u32 = 0xf003f;
/// REG_DWORD (wdm.h).
const DWORD: u32 = 4;
/// KeyValuePartialInformation (wdm.h), and its size with four bytes of data.
const PARTIAL: u32 = 2;
const PARTIAL_BYTES: u64 = 16;

/// A structure under construction.
struct Information {
    at: u64,
    /// Where the driver's own word lies in it.
    context: u64,
}

fn information(
    cx: &mut Cx,
    bytes: u64,
    context: u64,
    words: &[(u64, u64)],
) -> Result<Information, Stop> {
    let at = notices::object(cx, bytes)?;
    for &(offset, word) in words {
        cx.bus.memory.poke64(at + offset, word);
    }
    Ok(Information { at, context })
}

/// Does all of it, as far as drivers let it happen.
pub(crate) fn somebody_uses_it(cx: &mut Cx) -> Result<(), Stop> {
    cx.moment();
    cx.note("a program uses the registry");
    let name = notices::string(cx, "\\REGISTRY\\MACHINE\\SOFTWARE\\Bench\\Program")?;
    let value = notices::string(cx, "Limit")?;
    let key = notices::object(cx, 0x40)?;
    let words = notices::object(cx, 0x40)?;
    let kind = cx.registry.object_type("CmKeyObjectType").unwrap_or(0);
    let made = [
        (create::COMPLETE_NAME, name),
        (create::OBJECT_TYPE, kind),
        (create::DISPOSITION, words),
        (create::RESULT_OBJECT, words + 8),
    ];
    let pre = information(cx, create::SIZE, create::CALL_CONTEXT, &made)?;
    cx.bus.memory.poke32(pre.at + create::DESIRED_ACCESS, ALL_ACCESS);
    if !operation(cx, CREATE, &pre, key)? {
        return Ok(());
    }
    let pair = [(set::OBJECT, key), (set::VALUE_NAME, value), (set::DATA, words + 0x10)];
    let pre = information(cx, set::SIZE, set::CALL_CONTEXT, &pair)?;
    cx.bus.memory.poke32(pre.at + set::TYPE, DWORD);
    cx.bus.memory.poke32(pre.at + set::DATA_SIZE, 4);
    operation(cx, SET, &pre, key)?;
    let asked = [
        (query::OBJECT, key),
        (query::VALUE_NAME, value),
        (query::KEY_VALUE_INFORMATION, words + 0x18),
        (query::RESULT_LENGTH, words + 0x30),
    ];
    let pre = information(cx, query::SIZE, query::CALL_CONTEXT, &asked)?;
    cx.bus.memory.poke32(pre.at + query::KEY_VALUE_INFORMATION_CLASS, PARTIAL);
    cx.bus.memory.poke32(pre.at + query::LENGTH, PARTIAL_BYTES as u32);
    operation(cx, QUERY, &pre, key)?;
    let gone = [(delete_value::OBJECT, key), (delete_value::VALUE_NAME, value)];
    let pre = information(cx, delete_value::SIZE, delete_value::CALL_CONTEXT, &gone)?;
    operation(cx, DELETE_VALUE, &pre, key)?;
    let object = [(delete_key::OBJECT, key)];
    let pre = information(cx, delete_key::SIZE, delete_key::CALL_CONTEXT, &object)?;
    operation(cx, DELETE_KEY, &pre, key)?;
    let object = [(close::OBJECT, key)];
    let pre = information(cx, close::SIZE, close::CALL_CONTEXT, &object)?;
    operation(cx, CLOSE, &pre, key)?;
    for block in [name, value, key, words] {
        pool::free(cx, block);
    }
    Ok(())
}

/// Tells of one operation, before and after; whether it happened. Who prevents it, or has done it all
/// by itself, is not told of what came of it, and those that registered later hear nothing.
fn operation(
    cx: &mut Cx,
    [before, after]: [u64; 2],
    pre: &Information,
    key: u64,
) -> Result<bool, Stop> {
    let known = cx.state.registered.notifications.iter();
    let known: Vec<Notification> =
        known.filter(|it| it.event == Event::Registry).copied().collect();
    let (mut told, mut happens) = (Vec::new(), true);
    for one in known {
        cx.bus.memory.poke64(pre.at + pre.context, 0);
        let answer = notices::call(cx, &one, &[one.context, before, pre.at])? as u32;
        // STATUS_CALLBACK_BYPASS is one of these.
        if answer >= 0x8000_0000 {
            happens = false;
            break;
        }
        told.push((one, cx.bus.memory.peek64(pre.at + pre.context)));
    }
    if happens && before == QUERY[0] {
        answer_query(cx, pre.at);
    }
    // After the close the pointer leads to no key any more.
    // <https://learn.microsoft.com/windows-hardware/drivers/kernel/invalid-key-object-pointers-in-registry-notifications>
    let object = if after == CLOSE[1] { 0 } else { key };
    for (one, context) in told.into_iter().rev().filter(|_| happens) {
        let words = [
            (post::OBJECT, object),
            (post::PRE_INFORMATION, pre.at),
            (post::CALL_CONTEXT, context),
        ];
        let result = information(cx, post::SIZE, post::CALL_CONTEXT, &words)?;
        cx.bus.memory.poke32(result.at + post::STATUS, STATUS_SUCCESS);
        cx.bus.memory.poke32(result.at + post::RETURN_STATUS, STATUS_SUCCESS);
        notices::call(cx, &one, &[one.context, after, result.at])?;
        pool::free(cx, result.at);
    }
    pool::free(cx, pre.at);
    Ok(happens)
}

/// KEY_VALUE_PARTIAL_INFORMATION: a title index, the type, bytes and data.
fn answer_query(cx: &mut Cx, pre: u64) {
    let memory = &mut cx.bus.memory;
    let at = memory.peek64(pre + query::KEY_VALUE_INFORMATION);
    memory.poke32(at + 4, DWORD);
    memory.poke32(at + 8, 4);
    let place = memory.peek64(pre + query::RESULT_LENGTH);
    memory.poke32(place, PARTIAL_BYTES as u32);
}
