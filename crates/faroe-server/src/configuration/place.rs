//! Locations of data, and of what sends emails, as URLs.

use std::{fmt, marker::PhantomData, path::PathBuf};

use faroe_address::ServiceUrl;
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{key::Shape, secret::SecretPlace, setting::Setting};

/// The location of the server's own, ephemeral data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoragePlace {
    Memory,
    Sqlite(PathBuf),
    Postgres(ServiceUrl),
    Mysql(ServiceUrl),
    Redis(ServiceUrl),
}

/// The location of the users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UserStorePlace {
    Sqlite(PathBuf),
    Postgres(ServiceUrl),
    Mysql(ServiceUrl),
    UserServer(ServiceUrl),
}

/// The SMTP server or webhook that sends emails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EmailSenderPlace {
    Smtp(ServiceUrl),
    Webhook(ServiceUrl),
}

macro_rules! url {
    ($($Place:ty: $kind:literal,)+) => {
        $(
            impl Setting for $Place {
                const SHAPE: Shape = Shape::Url;

                fn kind() -> String {
                    $kind.to_owned()
                }
            }

            impl<'de> Deserialize<'de> for $Place {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    deserializer.deserialize_any(UrlVisitor(PhantomData))
                }
            }
        )+
    };
}

url! {
    StoragePlace: "URL of a storage",
    UserStorePlace: "URL of a user store",
    EmailSenderPlace: "URL of an email sender",
}

/// Reads a URL, or the place of one that holds a password.
struct UrlVisitor<P>(PhantomData<P>);

impl<'de, P: TryFrom<String, Error = &'static str>> Visitor<'de> for UrlVisitor<P> {
    type Value = P;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a URL, { file = \"PATH\" } or { environment = \"NAME\" }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<P, E> {
        P::try_from(text.to_owned()).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<P, A::Error> {
        let place = SecretPlace::deserialize(MapAccessDeserializer::new(map))?;
        let url = place.find().map_err(A::Error::custom)?;
        self.visit_str(url.expose())
    }
}

impl TryFrom<String> for StoragePlace {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const EXPECTED: &str = "expected \"sqlite:PATH\", \"postgres://…\", \"mysql://…\", \"redis://…\", \
            \"rediss://…\", \"redis+cluster://…\" or \"memory:\"";
        if text == "memory:" {
            return Ok(Self::Memory);
        }
        if let Some(path) = sqlite_file(&text) {
            return Ok(Self::Sqlite(path));
        }
        let url = ServiceUrl::try_from(text).map_err(|_| EXPECTED)?;
        match url.scheme() {
            "postgres" | "postgresql" => Ok(Self::Postgres(url)),
            "mysql" | "mariadb" => Ok(Self::Mysql(url)),
            "redis" | "rediss" | "redis+unix" | "redis+cluster" | "rediss+cluster" | "valkey"
            | "valkeys" | "valkey+cluster" | "valkeys+cluster" => Ok(Self::Redis(url)),
            _ => Err(EXPECTED),
        }
    }
}

impl TryFrom<String> for UserStorePlace {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const EXPECTED: &str =
            "expected \"sqlite:PATH\", \"postgres://…\", \"mysql://…\" or \"https://…\"";
        if let Some(path) = sqlite_file(&text) {
            return Ok(Self::Sqlite(path));
        }
        let url = ServiceUrl::try_from(text).map_err(|_| EXPECTED)?;
        match url.scheme() {
            "postgres" | "postgresql" => Ok(Self::Postgres(url)),
            "mysql" | "mariadb" => Ok(Self::Mysql(url)),
            "https" | "http" => Ok(Self::UserServer(url)),
            _ => Err(EXPECTED),
        }
    }
}

impl TryFrom<String> for EmailSenderPlace {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const EXPECTED: &str = "expected \"smtps://…\", \"smtp://…\" or \"https://…\"";
        let url = ServiceUrl::try_from(text).map_err(|_| EXPECTED)?;
        match url.scheme() {
            "smtp" | "smtps" => Ok(Self::Smtp(url)),
            "http" | "https" => Ok(Self::Webhook(url)),
            _ => Err(EXPECTED),
        }
    }
}

/// Returns the path of `sqlite:PATH`.
fn sqlite_file(text: &str) -> Option<PathBuf> {
    let path = text.strip_prefix("sqlite:")?;
    (!path.is_empty()).then(|| path.into())
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

fn write_server(f: &mut fmt::Formatter<'_>, kind: &str, url: &ServiceUrl) -> fmt::Result {
    f.write_str(kind)?;
    match url.servers() {
        Some(servers) => write!(f, " at {servers}"),
        None => Ok(()),
    }
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
