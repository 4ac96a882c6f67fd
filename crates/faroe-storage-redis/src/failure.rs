//! Failures of commands.

use std::{error::Error, fmt, io, sync::Arc};

use redis::{ErrorKind, RedisError};

/// The failure of a command, in words of this crate: the message of Redis may repeat the command with its key, value or
/// password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The URL cannot be used, for this reason.
    Settings(&'static str),
    /// There was no answer in time. The command may have been executed, or may still be.
    TimedOut,
    /// There is no connection, or it broke before the answer. The command may have been executed.
    Disconnected(String),
    /// TLS refused the server. Nothing was sent to it.
    Untrusted(String),
    /// Redis refused the command, with this code. Nothing was changed.
    Refused(String),
    /// The answer is not one of the command.
    Unexpected(&'static str),
}

impl Failure {
    /// Checks whether the connection must not be used any more: it is broken, or its server is not the one that takes writes.
    pub(crate) fn ends_connection(&self) -> bool {
        match self {
            Self::Refused(_) => self.is_elsewhere(),
            Self::Unexpected(_) => false,
            Self::Settings(_) | Self::TimedOut | Self::Untrusted(_) | Self::Disconnected(_) => true,
        }
    }

    /// Checks whether the server may only be away for the moment.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::TimedOut | Self::Disconnected(_)) || self.is_elsewhere()
    }

    /// Checks whether the server refused the command because another one may take it: it is a replica, has lost its replicas,
    /// is starting, or belongs to a cluster that has changed. Nothing was changed.
    pub(crate) fn is_elsewhere(&self) -> bool {
        const ELSEWHERE: [&str; 8] = [
            "READONLY",
            "MASTERDOWN",
            "NOREPLICAS",
            "LOADING",
            "CLUSTERDOWN",
            "MOVED",
            "ASK",
            "TRYAGAIN",
        ];
        matches!(self, Self::Refused(code) if ELSEWHERE.contains(&code.as_str()))
    }
}

/// Checks whether TLS refused the server, or the server speaks no TLS. rustls reports both as invalid data.
fn is_refused_by_tls(error: &RedisError) -> bool {
    let source = error.source();
    let shared = source.and_then(|source| source.downcast_ref::<Arc<dyn Error + Send + Sync>>());
    let error = shared.and_then(|shared| shared.downcast_ref::<io::Error>());
    error.is_some_and(|error| error.kind() == io::ErrorKind::InvalidData)
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        if error.is_timeout() {
            return Self::TimedOut;
        }
        if is_refused_by_tls(&error) {
            return Self::Untrusted(error.to_string());
        }
        match error.kind() {
            ErrorKind::AuthenticationFailed => Self::Refused("WRONGPASS".to_owned()),
            ErrorKind::Server(_) | ErrorKind::Extension => {
                Self::Refused(error.code().unwrap_or("ERR").to_owned())
            }
            // Without a detail, all of the text comes from the operating system, TLS or the library.
            _ if error.detail().is_none() => Self::Disconnected(error.to_string()),
            _ => Self::Disconnected("no node could be reached".to_owned()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(reason) | Self::Unexpected(reason) => f.write_str(reason),
            Self::TimedOut => f.write_str("Redis did not answer in time"),
            Self::Untrusted(reason) | Self::Disconnected(reason) => {
                write!(f, "no connection: {reason}")
            }
            Self::Refused(code) => match meaning(code) {
                Some(meaning) => f.write_str(meaning),
                None => write!(f, "Redis answered with the error {code}"),
            },
        }
    }
}

impl Error for Failure {}

fn meaning(code: &str) -> Option<&'static str> {
    Some(match code {
        "NOAUTH" => "Redis requires a password; add it to the URL",
        "WRONGPASS" => "Redis refused the user name or password; check those in the URL",
        "NOPERM" => {
            "the user lacks a permission; allow GET, SET, DEL, EVAL and GETRANGE on the keys of the prefix"
        }
        "OOM" => "Redis has reached its maxmemory",
        "LOADING" => "Redis is still loading its data",
        "MISCONF" => "Redis refuses writes because it cannot save its data",
        "READONLY" => {
            "the server is a replica, which refuses writes; use the name or address of the primary"
        }
        "MASTERDOWN" => "the server is a replica that has lost its primary",
        "NOREPLICAS" => "Redis refuses writes because it has lost its replicas",
        "CLUSTERDOWN" => "the Redis Cluster is down",
        "MOVED" | "ASK" => {
            "the key is on another node of the Redis Cluster; use a URL that starts with redis+cluster://"
        }
        "WRONGTYPE" => "the key holds a value of another type",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use redis::make_extension_error;

    use super::*;

    #[test]
    fn what_redis_says_about_an_error_is_not_repeated() {
        let answer = "unknown command 'AUTH', with args beginning with: 'hunter2'".to_owned();
        let error = make_extension_error("ERR".to_owned(), Some(answer));
        let failure = Failure::from(error);
        assert_eq!(failure.to_string(), "Redis answered with the error ERR");
        assert!(!format!("{failure:?}").contains("hunter2"));
    }

    #[test]
    fn no_answer_in_time_is_told_from_a_broken_connection() {
        let failure = |kind| Failure::from(RedisError::from(io::Error::from(kind)));
        assert_eq!(failure(io::ErrorKind::TimedOut), Failure::TimedOut);
        let broken = failure(io::ErrorKind::BrokenPipe);
        assert_eq!(broken.to_string(), "no connection: broken pipe");
        assert!(broken.may_pass());
        let refused = failure(io::ErrorKind::InvalidData);
        assert!(matches!(refused, Failure::Untrusted(_)) && !refused.may_pass());
    }
}
