//! The commands. Each touches one key, so that it works in a cluster, and is atomic.
//!
//! The content of a key begins with a head, which a compare-and-swap compares with the one that its caller has read.

use redis::Cmd;

/// Redis keeps scripts that it has run, so sending the text costs no more than loading the script before.
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

/// Sets the content, replacing any.
pub(crate) fn set(key: &str, content: &[u8], milliseconds: i64) -> Cmd {
    let mut command = command("SET", key);
    command.arg(content).arg("PX").arg(milliseconds);
    command
}

/// Sets the content if there is none. The answer is nil if there is one.
pub(crate) fn add(key: &str, content: &[u8], milliseconds: i64) -> Cmd {
    let mut command = set(key, content, milliseconds);
    command.arg("NX");
    command
}

/// Removes the key. The answer is 1 if it existed.
pub(crate) fn delete(key: &str) -> Cmd {
    command("DEL", key)
}

/// Sets the content if the present one has this head. The answer is 1 if it has.
pub(crate) fn update_matching(key: &str, head: &[u8], content: &[u8], milliseconds: i64) -> Cmd {
    let mut command = script(UPDATE, key);
    command.arg(head).arg(content).arg(milliseconds);
    command
}

/// Removes the key if its content has this head. The answer is 1 if it has.
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
