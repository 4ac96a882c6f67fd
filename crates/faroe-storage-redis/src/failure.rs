//! Why a command of Redis has no result.

use std::{error::Error, fmt};

use redis::{ErrorKind, RedisError};

/// The reason in words of ours: what Redis says about an error may repeat the command with its key, value or password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// What was asked for cannot work, and why.
    Settings(&'static str),
    /// There was no answer in time. The command may have been carried out, or may be yet.
    TimedOut,
    /// There is no connection, or it broke before the answer. The command may have been carried out.
    Disconnected(String),
    /// Redis refused the command, with this code. Nothing was changed.
    Refused(String),
    /// The answer made no sense.
    Unexpected(&'static str),
}

impl Failure {
    /// Whether the connection has shown that it works.
    pub(crate) fn is_answer(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Unexpected(_))
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        if error.is_timeout() {
            return Self::TimedOut;
        }
        match error.kind() {
            ErrorKind::AuthenticationFailed => Self::Refused("WRONGPASS".to_owned()),
            ErrorKind::Server(_) | ErrorKind::Extension => {
                Self::Refused(error.code().unwrap_or("ERR").to_owned())
            }
            // Where there is no detail, all of the text comes from the operating system, TLS or the library.
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
            Self::Disconnected(reason) => write!(f, "no connection to Redis: {reason}"),
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
        "NOAUTH" => "Redis asks for a password, and the URL has none",
        "WRONGPASS" => "Redis does not accept the user name and password of the URL",
        "NOPERM" => {
            "the user of Redis may not do this: it needs GET, SET, DEL, EVAL and GETRANGE on the keys of the prefix"
        }
        "OOM" => "Redis has reached its maxmemory",
        "LOADING" => "Redis is still loading its data",
        "MISCONF" => "Redis cannot save its data, and so refuses writes",
        "READONLY" => "this Redis is a replica, which cannot be written to",
        "CLUSTERDOWN" => "the Redis Cluster is down",
        "MOVED" | "ASK" => {
            "the key is on another node of the Redis Cluster: use a URL that starts with redis+cluster://"
        }
        "WRONGTYPE" => "something else has the key",
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
        let failure = |kind| Failure::from(RedisError::from(std::io::Error::from(kind)));
        assert_eq!(failure(std::io::ErrorKind::TimedOut), Failure::TimedOut);
        let broken = failure(std::io::ErrorKind::BrokenPipe);
        assert_eq!(broken.to_string(), "no connection to Redis: broken pipe");
    }
}
