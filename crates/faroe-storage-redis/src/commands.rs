//! The commands. Each touches one key, so that they work in a cluster, and is carried out at one moment.
//!
//! What stands under a key begins with a head, which tells whether it is still what a caller has seen: a
//! compare-and-swap compares the head.

use redis::Cmd;

/// Redis knows a script that it has seen by its text, so this costs no more than a script loaded before, and there is
/// nothing to load.
const UPDATE: &str = "\
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1";

const DELETE: &str = "\
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])";

pub(crate) fn get(key: &str) -> Cmd {
    command("GET", key)
}

/// Sets the content, whether or not there was one.
pub(crate) fn set(key: &str, content: &[u8], milliseconds: i64) -> Cmd {
    let mut command = command("SET", key);
    command.arg(content).arg("PX").arg(milliseconds);
    command
}

/// Sets the content if there is none. The answer is nothing if there was one.
pub(crate) fn add(key: &str, content: &[u8], milliseconds: i64) -> Cmd {
    let mut command = set(key, content, milliseconds);
    command.arg("NX");
    command
}

/// Removes what is there. The answer is 1 if there was something.
pub(crate) fn delete(key: &str) -> Cmd {
    command("DEL", key)
}

/// Sets the content if what is there has this head. The answer is 1 if it has.
pub(crate) fn update_matching(key: &str, head: &[u8], content: &[u8], milliseconds: i64) -> Cmd {
    let mut command = script(UPDATE, key);
    command.arg(head).arg(content).arg(milliseconds);
    command
}

/// Removes what is there if it has this head. The answer is 1 if it has.
pub(crate) fn delete_matching(key: &str, head: &[u8]) -> Cmd {
    let mut command = script(DELETE, key);
    command.arg(head);
    command
}

fn command(name: &str, key: &str) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(key);
    command
}

fn script(text: &str, key: &str) -> Cmd {
    let mut command = redis::cmd("EVAL");
    command.arg(text).arg(1).arg(key);
    command
}
