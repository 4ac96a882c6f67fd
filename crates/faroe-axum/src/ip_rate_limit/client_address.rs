//! The client address of a request.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::HeaderMap;

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// No address with a port is longer, in bytes.
const MAX_ENTRY_SIZE: usize = 64;

/// Returns the address that the outermost trusted proxy saw, from `X-Forwarded-For`. Each proxy appends its client's address,
/// so the entry is counted from the right, over all lines of the header; the last entry is number 1. Entries further left
/// may be forged and are ignored.
///
/// Returns `None` without proxies, and if the entry is missing or is not an address.
pub(super) fn forwarded_for(headers: &HeaderMap, trusted_proxies: usize) -> Option<IpAddr> {
    let from_the_right = trusted_proxies.checked_sub(1)?;
    let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
    let mut entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    parse(entries.nth(from_the_right)?)
}

/// Parses an address, with or without a port or brackets.
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

/// Returns the network that shares a budget: an IPv4 address in any notation, or the 2⁶⁴ IPv6 addresses with the same first
/// half, the smallest network that a subscriber gets.
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
