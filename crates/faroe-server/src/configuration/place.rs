//! Where data lives, as a URL.

use std::{fmt, path::PathBuf};

use serde::Deserialize;

use crate::arguments::Url;

/// Where the server's own, ephemeral data is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum StoragePlace {
    Memory,
    Sqlite(PathBuf),
    Postgres(Url),
    Mysql(Url),
    Redis(Url),
}

/// Where the users are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum UserStorePlace {
    Sqlite(PathBuf),
    Postgres(Url),
    Mysql(Url),
    UserServer(Url),
}

/// How emails are sent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum EmailSenderPlace {
    Smtp(Url),
    Webhook(Url),
}

impl StoragePlace {
    /// The URL of a server.
    pub(super) fn url(&self) -> Option<&Url> {
        match self {
            Self::Memory | Self::Sqlite(_) => None,
            Self::Postgres(url) | Self::Mysql(url) | Self::Redis(url) => Some(url),
        }
    }
}

impl UserStorePlace {
    /// The URL of a server.
    pub(super) fn url(&self) -> Option<&Url> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(url) | Self::Mysql(url) | Self::UserServer(url) => Some(url),
        }
    }
}

impl EmailSenderPlace {
    /// The URL of a server.
    pub(super) fn url(&self) -> Option<&Url> {
        match self {
            Self::Smtp(url) | Self::Webhook(url) => Some(url),
        }
    }
}

impl TryFrom<String> for StoragePlace {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match scheme(&text) {
            _ if text == "memory:" => Ok(Self::Memory),
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(Url::from(text))),
            Some(("mysql" | "mariadb", _)) => Ok(Self::Mysql(Url::from(text))),
            Some((
                "redis" | "rediss" | "redis+unix" | "redis+cluster" | "rediss+cluster" | "valkey"
                | "valkeys" | "valkey+cluster" | "valkeys+cluster",
                _,
            )) => Ok(Self::Redis(Url::from(text))),
            _ => Err(
                "expected \"sqlite:PATH\", \"postgres://…\", \"mysql://…\", \"redis://…\", \"rediss://…\", \
                 \"redis+cluster://…\" or \"memory:\"",
            ),
        }
    }
}

impl TryFrom<String> for UserStorePlace {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match scheme(&text) {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(Url::from(text))),
            Some(("mysql" | "mariadb", _)) => Ok(Self::Mysql(Url::from(text))),
            Some(("https" | "http", _)) => Ok(Self::UserServer(Url::from(text))),
            _ => Err("expected \"sqlite:PATH\", \"postgres://…\", \"mysql://…\" or \"https://…\""),
        }
    }
}

impl TryFrom<String> for EmailSenderPlace {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match scheme(&text) {
            Some(("smtp" | "smtps", _)) => Ok(Self::Smtp(Url::from(text))),
            Some(("http" | "https", _)) => Ok(Self::Webhook(Url::from(text))),
            _ => Err("expected \"smtps://…\", \"smtp://…\" or \"https://…\""),
        }
    }
}

/// The scheme and the rest, which begins with `//` except for a path.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    (scheme == "sqlite" || rest.starts_with("//")).then_some((scheme, rest))
}

/// Names the place, without credentials.
impl fmt::Display for StoragePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(url) => write_server(f, "PostgreSQL", url),
            Self::Mysql(url) => write_server(f, "MySQL", url),
            Self::Redis(url) => write_server(f, "Redis", url),
        }
    }
}

/// Names the place, without credentials.
impl fmt::Display for UserStorePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(url) => write_server(f, "PostgreSQL", url),
            Self::Mysql(url) => write_server(f, "MySQL", url),
            Self::UserServer(url) => write_server(f, "user server", url),
        }
    }
}

/// Names the place, without credentials.
impl fmt::Display for EmailSenderPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Smtp(url) => write_server(f, "SMTP", url),
            Self::Webhook(url) => write_server(f, "webhook", url),
        }
    }
}

fn write_server(f: &mut fmt::Formatter<'_>, kind: &str, url: &Url) -> fmt::Result {
    f.write_str(kind)?;
    match server(url.expose()) {
        Some(server) => write!(f, " at {server}"),
        None => Ok(()),
    }
}

/// The host and port of a URL, or several of them. `None` if any part might belong to a password instead.
fn server(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (credentials, rest) = rest.rsplit_once('@').unwrap_or(("", rest));
    let server = rest.split(['/', '?']).next()?;
    let is_server = |server: &str| {
        let (host, port) = server.rsplit_once(':').unwrap_or((server, ""));
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
        !host.is_empty()
            && host.bytes().all(is_host)
            && port.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_clear = !credentials.contains(['/', '?', '#', '@']);
    (is_clear && server.split(',').all(is_server)).then_some(server)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_named_by_a_scheme() {
        let storage = |text: &str| StoragePlace::try_from(text.to_owned());
        assert_eq!(storage("memory:"), Ok(StoragePlace::Memory));
        assert_eq!(
            storage("sqlite:a:b.db"),
            Ok(StoragePlace::Sqlite("a:b.db".into()))
        );
        for text in [
            "",
            "memory",
            "memory:x",
            "sqlite:",
            "SQLITE:x",
            "redis:canary",
            "oracle://user:canary@host/db",
        ] {
            assert!(!storage(text).unwrap_err().contains("canary"), "{text}");
        }
        for text in ["memory:", "redis://host"] {
            assert!(UserStorePlace::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_place_is_shown_without_credentials() {
        for (url, shown) in [
            (
                "postgres://me:canary@db.example.com:5432/app?sslmode=require",
                "PostgreSQL at db.example.com:5432",
            ),
            ("postgresql://localhost", "PostgreSQL at localhost"),
            ("postgres://me:can@ry@[::1]:5432/app", "PostgreSQL"),
            (
                "postgres://me:canary@[::1]:5432/app",
                "PostgreSQL at [::1]:5432",
            ),
            ("postgres://me:canary", "PostgreSQL"),
            ("postgres://me:can/ary@host", "PostgreSQL"),
            ("postgres://host/app?password=x@canary", "PostgreSQL"),
            ("redis+cluster://:canary@a:1,b:2,c", "Redis at a:1,b:2,c"),
            ("rediss://canary canary", "Redis"),
            ("redis+unix:///run/redis.sock", "Redis"),
        ] {
            let place = StoragePlace::try_from(url.to_owned()).unwrap();
            assert_eq!(place.to_string(), shown);
            assert!(!format!("{place:?}").contains("canary"), "{url}");
        }
    }
}
