//! The eviction policy of Redis.

use std::fmt;

use redis::{FromRedisValue, Value};

/// The `maxmemory-policy` of Redis: the treatment of entries when its memory is full, read when connecting.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum EvictionPolicy {
    /// Redis refuses writes and keeps all entries, as a storage needs it.
    NoEviction,
    /// Redis drops entries by the rule of this name. That is right for a cache. A storage would lose sessions, and rate limits
    /// whose attempts could then be repeated.
    Evicts(String),
    /// Redis does not report its policy.
    Unknown,
}

impl EvictionPolicy {
    /// Returns a warning for the operator of a storage, unless the policy is right.
    pub fn warning(&self) -> Option<String> {
        match self {
            Self::NoEviction => None,
            Self::Evicts(policy) => Some(format!(
                "Redis drops sessions and rate limits when its memory is full: maxmemory-policy is {policy}; set it to \
                 noeviction"
            )),
            Self::Unknown => Some(
                "Redis does not report its maxmemory-policy; make sure that it is noeviction"
                    .to_owned(),
            ),
        }
    }

    /// Reads the answer to `INFO` of one server or of all nodes. The policy of a node that evicts prevails.
    pub(crate) fn read(answer: &Value) -> Self {
        let policies: Vec<Option<String>> = match answer {
            Value::Map(nodes) => nodes
                .iter()
                .map(|(_, information)| policy(information))
                .collect(),
            information => vec![policy(information)],
        };
        let evicts =
            |policy: &&Option<String>| policy.as_ref().is_some_and(|policy| policy != "noeviction");
        match policies.iter().find(evicts) {
            Some(policy) => policy.clone().map_or(Self::Unknown, Self::Evicts),
            None if policies.iter().all(Option::is_some) => Self::NoEviction,
            None => Self::Unknown,
        }
    }
}

impl fmt::Display for EvictionPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoEviction => "noeviction",
            Self::Evicts(policy) => policy,
            Self::Unknown => "unknown",
        })
    }
}

fn policy(information: &Value) -> Option<String> {
    field(information, "maxmemory_policy")
}

/// Returns a field of the answer to `INFO`.
pub(crate) fn field(information: &Value, name: &str) -> Option<String> {
    let text = String::from_redis_value_ref(information).ok()?;
    let value = |line: &str| {
        Some(
            line.strip_prefix(name)?
                .strip_prefix(':')?
                .trim()
                .to_owned(),
        )
    };
    text.lines().find_map(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn information(policy: &str) -> Value {
        let text = format!("# Memory\r\nused_memory:1\r\nmaxmemory_policy:{policy}\r\n# CPU\r\n");
        Value::BulkString(text.into_bytes())
    }

    #[test]
    fn one_node_that_evicts_is_enough() {
        let nodes = |policies: &[&str]| {
            let node =
                |policy: &&str| (Value::SimpleString("node".to_owned()), information(policy));
            EvictionPolicy::read(&Value::Map(policies.iter().map(node).collect()))
        };
        assert_eq!(
            nodes(&["noeviction", "noeviction"]),
            EvictionPolicy::NoEviction
        );
        assert_eq!(
            nodes(&["noeviction", "allkeys-lru"]),
            EvictionPolicy::Evicts("allkeys-lru".to_owned())
        );
    }

    #[test]
    fn no_word_about_it_is_not_taken_for_a_good_one() {
        let answer = Value::BulkString(b"# Server\r\nredis_version:7\r\n".to_vec());
        assert_eq!(EvictionPolicy::read(&answer), EvictionPolicy::Unknown);
        assert!(EvictionPolicy::Unknown.warning().is_some());
    }
}
