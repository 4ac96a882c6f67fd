//! Whom a request counts for.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::HeaderMap;

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// No address with a port is longer, in bytes.
const MAX_ENTRY_SIZE: usize = 64;

/// The address that the outermost of the trusted proxies has seen, as `X-Forwarded-For` says: each proxy writes whom it has
/// got the request from to the right of what was there, so it is the entry with this number counted from the right, the
/// last one being the first, over all lines of the header. What stands to the left of it a client may have made up, and
/// nobody looks at it.
///
/// `None` without proxies, and where the entry is missing or no address.
pub(super) fn forwarded_for(headers: &HeaderMap, trusted_proxies: usize) -> Option<IpAddr> {
    let from_the_right = trusted_proxies.checked_sub(1)?;
    let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
    let mut entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    parse(entries.nth(from_the_right)?)
}

/// An address, which may have a port and may stand in brackets.
fn parse(entry: &[u8]) -> Option<IpAddr> {
    let entry = entry.trim_ascii();
    if entry.len() > MAX_ENTRY_SIZE {
        return None;
    }
    let text = str::from_utf8(entry).ok()?;
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address = text.parse().ok();
    address
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .or_else(|| in_brackets().map(IpAddr::V6))
}

/// What shares a budget: an IPv4 address, however it is written, or 2⁶⁴ IPv6 addresses with the same first half, for that
/// is the least that anyone with IPv6 is given.
pub(super) fn network(address: IpAddr) -> Ipv6Addr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)
        }
    }
}

#[cfg(test)]
mod tests;
