//! Addresses that proxies write, and what clients try.

use std::net::Ipv4Addr;

use axum::http::HeaderValue;
use proptest::{collection::vec, prelude::*};

use super::*;

/// Lines of the header as they have arrived.
fn headers<L: AsRef<[u8]>>(lines: impl IntoIterator<Item = L>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        let line = HeaderValue::from_bytes(line.as_ref()).unwrap();
        headers.append(X_FORWARDED_FOR, line);
    }
    headers
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn addresses_are_read_as_proxies_write_them() {
    for (entry, expected) in [
        ("192.0.2.1", "192.0.2.1"),
        (" \t192.0.2.1 ", "192.0.2.1"),
        ("192.0.2.1:443", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:65535", "2001:db8::1"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        (
            "[0000:0000:0000:0000:0000:ffff:192.168.100.228]:65535",
            "::ffff:192.168.100.228",
        ),
    ] {
        assert_eq!(parse(entry.as_bytes()), Some(address(expected)), "{entry}");
    }
    let spaces = " ".repeat(10_000) + "192.0.2.1";
    assert_eq!(parse(spaces.as_bytes()), Some(address("192.0.2.1")));
    for entry in [
        "",
        " ",
        "unknown",
        "_hidden",
        "localhost",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.01",
        "192.0.2.1:",
        "192.0.2.1:99999",
        "[192.0.2.1]",
        "[2001:db8::1",
        "2001:db8::1]",
        "[2001:db8::1]443",
        "for=192.0.2.1",
        "\"192.0.2.1\"",
        "192.0.2.1 192.0.2.2",
        "\u{e9}",
    ] {
        assert_eq!(parse(entry.as_bytes()), None, "{entry}");
    }
    assert_eq!(parse(&[b'1'; 100_000]), None);
}

#[test]
fn the_entry_is_counted_from_the_right_over_all_lines() {
    let lines = headers([
        "192.0.2.9",
        "192.0.2.4, 192.0.2.3",
        "192.0.2.2,192.0.2.1:80",
    ]);
    for (trusted_proxies, expected) in [
        (0, None),
        (1, Some("192.0.2.1")),
        (2, Some("192.0.2.2")),
        (3, Some("192.0.2.3")),
        (4, Some("192.0.2.4")),
        (5, Some("192.0.2.9")),
        (6, None),
        (usize::MAX, None),
    ] {
        let found = forwarded_for(&lines, trusted_proxies);
        assert_eq!(found, expected.map(address), "{trusted_proxies}");
    }
    assert_eq!(forwarded_for(&HeaderMap::new(), 1), None);
}

/// Nothing further left takes the place of an entry that is none, or a client would choose it.
#[test]
fn an_entry_that_is_no_address_is_not_passed_over() {
    for line in ["192.0.2.2, unknown", "192.0.2.2,", "192.0.2.2, ,"] {
        assert_eq!(forwarded_for(&headers([line]), 1), None, "{line}");
    }
    assert_eq!(forwarded_for(&headers(["192.0.2.2", ""]), 1), None);
}

#[test]
fn an_ipv4_address_is_one_however_it_is_written_and_ipv6_counts_by_its_first_half() {
    let same = [
        ("192.0.2.1", "::ffff:192.0.2.1"),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
    ];
    for (one, other) in same {
        assert_eq!(network(address(one)), network(address(other)));
    }
    let different = [
        ("192.0.2.1", "192.0.2.2"),
        ("192.0.2.1", "::c000:201"),
        ("2001:db8:1:2::1", "2001:db8:1:3::1"),
        ("127.0.0.1", "::1"),
    ];
    for (one, other) in different {
        assert_ne!(network(address(one)), network(address(other)));
    }
}

/// A valid header value.
fn header_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => prop_oneof![Just(b','), Just(b' '), Just(b'.'), Just(b':'), b'0'..=b'9'],
        1 => prop_oneof![0x20..0x7f_u8, 0x80..=0xff_u8],
    ];
    vec(byte, 0..200)
}

fn addresses() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|bits| Ipv4Addr::from_bits(bits).into()),
        any::<u128>().prop_map(|bits| Ipv6Addr::from_bits(bits).into()),
    ]
}

proptest! {
    /// Only the entries that the proxies append decide, whatever a client sends.
    #[test]
    fn what_a_client_sends_changes_nothing(
        sent in vec(header_bytes(), 0..4),
        on_the_way in vec((addresses(), any::<bool>()), 1..5),
    ) {
        let mut lines = sent;
        for (address, in_a_line_of_its_own) in &on_the_way {
            match lines.last_mut() {
                Some(line) if !in_a_line_of_its_own => {
                    line.extend_from_slice(format!(", {address}").as_bytes());
                }
                _ => lines.push(address.to_string().into_bytes()),
            }
        }
        let (client, _) = on_the_way[0];
        let found = forwarded_for(&headers(&lines), on_the_way.len());
        prop_assert_eq!(found, Some(client));
    }

    #[test]
    fn no_header_is_too_strange(lines in vec(header_bytes(), 0..4), trusted_proxies in 0..5_usize) {
        let _ = forwarded_for(&headers(&lines), trusted_proxies);
    }

    #[test]
    fn addresses_share_a_budget_exactly_if_they_are_one_client(one: u128, bits: u128, keep in 0..=128_u32) {
        let mask = u128::MAX.checked_shl(128 - keep).unwrap_or(0);
        let other = (one & mask) | (bits & !mask);
        let (one, other) = (Ipv6Addr::from_bits(one), Ipv6Addr::from_bits(other));
        let is_mapped = |address: Ipv6Addr| address.to_ipv4_mapped().is_some();
        prop_assume!(!is_mapped(one) && !is_mapped(other));
        let expected = one.to_bits() >> 64 == other.to_bits() >> 64;
        prop_assert_eq!(network(one.into()) == network(other.into()), expected);
    }

    #[test]
    fn ipv4_addresses_share_nothing(one: u32, other: u32) {
        let (one, other) = (Ipv4Addr::from_bits(one), Ipv4Addr::from_bits(other));
        prop_assert_eq!(network(one.into()) == network(other.into()), one == other);
        prop_assert_eq!(network(one.into()), network(one.to_ipv6_mapped().into()));
    }
}
