//! The URL of a service, which may hold a password.

use std::{borrow::Cow, error::Error, fmt, num::NonZeroU32, str::FromStr, time::Duration};

use serde::Deserialize;
use zeroize::Zeroizing;

/// The URL of a service: `scheme://user:password@host:port/path?name=value&…`, with several hosts of a cluster perhaps.
///
/// It is split but not decoded; the client of the service validates its parts. It may hold a password: `Debug` shows only
/// scheme and servers, and the URL is wiped when dropped.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ServiceUrl(Zeroizing<String>);

impl ServiceUrl {
    /// The whole URL, with its password.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The scheme, as it is written.
    pub fn scheme(&self) -> &str {
        self.split().0
    }

    /// User and password with the `@` after them, as they are written. Empty if there are none.
    pub fn credentials(&self) -> &str {
        let (credentials, _) = split_authority(self.authority());
        credentials
    }

    /// The text between credentials and path: a host and perhaps a port, or several of them. It may contain part of a password
    /// that is not encoded: show [`ServiceUrl::servers`] instead.
    pub fn hosts(&self) -> &str {
        let (_, hosts) = split_authority(self.authority());
        hosts
    }

    /// Path, parameters and fragment, as they are written.
    pub fn tail(&self) -> &str {
        let (_, rest) = self.split();
        &rest[self.authority().len()..]
    }

    /// The URL with these parameters instead of its own, for a driver. A URL with a user and no host, such as
    /// `postgres://app@/database?host=/run/postgresql`, gets the host `localhost`, because parsers of URLs refuse it otherwise.
    pub fn with_parameters(&self, parameters: &[&str]) -> Zeroizing<String> {
        let host = match (self.credentials(), self.hosts()) {
            ("", host) => host,
            (_, "") => "localhost",
            (_, host) => host,
        };
        let path = self.tail().split('?').next().unwrap_or_default();
        Zeroizing::new(format!(
            "{}://{}{host}{path}?{}",
            self.scheme(),
            self.credentials(),
            parameters.join("&"),
        ))
    }

    /// The parameters.
    ///
    /// # Errors
    ///
    /// When there is a `#`, or an `@` after a `?`: it is then part of a password, which it would cut in two.
    pub fn parameters(&self) -> Result<impl Iterator<Item = Parameter<'_>>, InvalidServiceUrl> {
        let (_, query) = self.0.split_once('?').unwrap_or_default();
        if self.0.contains('#') || query.contains('@') {
            return Err(InvalidServiceUrl::new(
                "a #, ? or @ in the password or a parameter must be written %23, %3F, %40",
            ));
        }
        let parameters = query.split('&').filter(|parameter| !parameter.is_empty());
        Ok(parameters.map(Parameter))
    }

    /// The host and port, or several of them, for logs and errors. `None` if any part of it might belong to a password.
    pub fn servers(&self) -> Option<&str> {
        let is_server = |server: &str| {
            let (host, port) = server.rsplit_once(':').unwrap_or((server, ""));
            let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
            !host.is_empty()
                && host.bytes().all(is_host)
                && port.bytes().all(|byte| byte.is_ascii_digit())
        };
        let is_clear = self.0.matches('@').count() <= 1 && !self.tail().contains('@');
        let hosts = self.hosts();
        (is_clear && hosts.split(',').all(is_server)).then_some(hosts)
    }

    fn split(&self) -> (&str, &str) {
        self.0.split_once("://").unwrap_or_default()
    }

    fn authority(&self) -> &str {
        let (_, rest) = self.split();
        rest.split(['/', '?', '#']).next().unwrap_or_default()
    }
}

fn split_authority(authority: &str) -> (&str, &str) {
    authority.split_at(authority.rfind('@').map_or(0, |position| position + 1))
}

impl FromStr for ServiceUrl {
    type Err = InvalidServiceUrl;

    fn from_str(text: &str) -> Result<Self, InvalidServiceUrl> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for ServiceUrl {
    type Error = InvalidServiceUrl;

    fn try_from(text: String) -> Result<Self, InvalidServiceUrl> {
        let text = Zeroizing::new(text);
        let (scheme, _) = text.split_once("://").unwrap_or_default();
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        if scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(is_allowed)
        {
            Ok(Self(text))
        } else {
            Err(InvalidServiceUrl::new(
                "a URL starts with a scheme and ://, such as postgres://",
            ))
        }
    }
}

/// Shows scheme and servers, never credentials, path or parameters.
impl fmt::Debug for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers = self.servers().unwrap_or("[REDACTED]");
        write!(f, "ServiceUrl({}://{servers})", self.scheme())
    }
}

/// A parameter of a [`ServiceUrl`], `name=value`. `Debug` shows the name.
#[derive(Clone, Copy)]
pub struct Parameter<'a>(&'a str);

impl<'a> Parameter<'a> {
    /// The whole parameter, as it is written.
    pub fn as_str(&self) -> &'a str {
        self.0
    }

    /// The name, as it is written.
    pub fn name(&self) -> &'a str {
        self.split().0
    }

    /// The value, as it is written. Empty if there is none.
    pub fn value(&self) -> &'a str {
        self.split().1
    }

    /// The error for a parameter that is not known. It names the parameter if the name looks like one.
    pub fn unknown(&self) -> InvalidServiceUrl {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte);
        let name = self.name();
        if (1..=40).contains(&name.len()) && name.bytes().all(is_name) && self.0.contains('=') {
            InvalidServiceUrl::new(format!("the parameter {name} of the URL is unknown"))
        } else {
            InvalidServiceUrl::new("a parameter of the URL is unknown")
        }
    }

    /// Checks that the value is one of these, in any letter case.
    ///
    /// # Errors
    ///
    /// When it is another. The error names the parameter and these values.
    pub fn expect_one_of(&self, values: &[&str]) -> Result<(), InvalidServiceUrl> {
        if values
            .iter()
            .any(|value| value.eq_ignore_ascii_case(self.value()))
        {
            return Ok(());
        }
        let (name, values) = (self.name(), values.join(" or "));
        Err(InvalidServiceUrl::new(format!(
            "{name} can only be {values}"
        )))
    }

    /// The value, parsed.
    ///
    /// # Errors
    ///
    /// When it is invalid. The error names the parameter.
    pub fn parse<T: FromStr>(&self) -> Result<T, InvalidServiceUrl> {
        let value = self.value().parse();
        value.map_err(|_| InvalidServiceUrl::new(format!("{} has an invalid value", self.name())))
    }

    /// The value as a duration of whole milliseconds, at least one.
    ///
    /// # Errors
    ///
    /// When it is not a number, zero, or longer than 49 days. The error names the parameter.
    pub fn milliseconds(&self) -> Result<Duration, InvalidServiceUrl> {
        let milliseconds: NonZeroU32 = self.parse()?;
        Ok(Duration::from_millis(milliseconds.get().into()))
    }

    fn split(&self) -> (&'a str, &'a str) {
        self.0.split_once('=').unwrap_or((self.0, ""))
    }
}

impl fmt::Debug for Parameter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parameter({}=[REDACTED])", self.name())
    }
}

/// Checks whether a text has a password in the way of URLs: before an `@`, or as the parameter `password`. Errs on the side of
/// `true`.
pub fn holds_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else {
        return false;
    };
    let before_host = rest.rsplit_once('@').map(|(credentials, _)| credentials);
    let is_before_host = before_host.is_some_and(|credentials| credentials.contains(':'));
    let in_query = |parameter: &str| parameter.starts_with("password=");
    is_before_host || rest.split(['?', '&']).skip(1).any(in_query)
}

/// The reason why a text is invalid as a [`ServiceUrl`]. It contains no part of the URL but a parameter's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidServiceUrl(Cow<'static, str>);

impl InvalidServiceUrl {
    /// The reason of a client that refuses a part. It must not contain a value of the URL.
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for InvalidServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for InvalidServiceUrl {}

#[cfg(test)]
mod tests;
