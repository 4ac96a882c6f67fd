//! The hosts and IP addresses that are this machine.

use std::net::{IpAddr, Ipv6Addr};

/// Checks whether a host without a port is this machine, whatever a name server says.
///
/// That is `localhost` in any letter case, or an IP address for which [`is_this_machine`] holds, an IPv6 address with or
/// without brackets. Any other name is another machine: `app.localhost` and `localhost.` may be looked up elsewhere, and
/// `127.1` is no IP address in its canonical form.
pub fn names_this_machine(host: &str) -> bool {
    let bracketed = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let address = match bracketed {
        Some(host) => host.parse::<Ipv6Addr>().map(IpAddr::from),
        None => host.parse::<IpAddr>(),
    };
    address.map_or(host.eq_ignore_ascii_case("localhost"), is_this_machine)
}

/// Checks whether an IP address is this machine: 127.0.0.0/8, `::1`, or the former mapped into IPv6.
pub fn is_this_machine(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_and_loopback_addresses_are_this_machine() {
        for host in [
            "localhost",
            "LocalHost",
            "127.0.0.1",
            "127.0.0.2",
            "127.255.255.254",
            "::1",
            "[::1]",
            "0:0:0:0:0:0:0:1",
            "::ffff:127.0.0.1",
            "[::ffff:127.1.2.3]",
            "[::FFFF:7f00:1]",
        ] {
            assert!(names_this_machine(host), "{host}");
        }
    }

    #[test]
    fn no_other_host_is_this_machine() {
        for host in [
            "",
            ".",
            "127.",
            "127.1",
            "127.example.com",
            "127.0.0.1.example.com",
            "127.0.0.01",
            "0127.0.0.1",
            "0x7f.0.0.1",
            "2130706433",
            "localhost.",
            "localhost.example.com",
            "app.localhost",
            "localhost:80",
            " localhost",
            "localhost\0",
            "ｌocalhost",
            "126.255.255.255",
            "128.0.0.1",
            "0.0.0.0",
            "10.0.0.7",
            "::",
            "::2",
            "[::2]",
            "::ffff:128.0.0.1",
            "::127.0.0.1",
            "::1%lo",
            "[::1",
            "::1]",
            "[[::1]]",
            "[127.0.0.1]",
            "[localhost]",
            "[]",
        ] {
            assert!(!names_this_machine(host), "{host}");
        }
    }
}
