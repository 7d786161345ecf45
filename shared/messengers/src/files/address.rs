//! Which addresses of the Internet are somebody else's machine, and not ours or nobody's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The networks of IPv4 that are not public: address, length of the prefix.
/// Source: IANA's registry of special-purpose addresses, <https://www.iana.org/assignments/iana-ipv4-special-registry>; multicast.
const NOT_PUBLIC_V4: [([u8; 4], u32); 15] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    // Link-local: among it 169.254.169.254, where clouds tell machines their credentials.
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// All that is public in IPv6 is in here.
const GLOBAL_V6: ([u16; 2], u32) = ([0x2000, 0], 3);

/// What is not public in there. Source: <https://www.iana.org/assignments/iana-ipv6-special-registry>. 6to4 (`2002::/16`) and Teredo (in
/// `2001::/23`) carry an address of IPv4 that may be anybody's.
const NOT_PUBLIC_V6: [([u16; 2], u32); 4] =
    [([0x2001, 0x0000], 23), ([0x2001, 0x0db8], 32), ([0x2002, 0], 16), ([0x3fff, 0], 20)];

/// Whether something may be fetched from this address. Not from the machine itself, private networks, link-local addresses,
/// multicast, documentation, nor from addresses of IPv6 that only wrap one of IPv4.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC_V4.iter().any(|&(network, length)| within_v4(address, network, length)),
        IpAddr::V6(address) => {
            let (global, length) = GLOBAL_V6;
            within_v6(address, global, length)
                && !NOT_PUBLIC_V6.iter().any(|&(network, length)| within_v6(address, network, length))
        }
    }
}

fn within_v4(address: Ipv4Addr, network: [u8; 4], length: u32) -> bool {
    let mask = u32::MAX << (32 - length);
    address.to_bits() & mask == u32::from_be_bytes(network)
}

/// By the first 32 bits: no network above is narrower.
fn within_v6(address: Ipv6Addr, [first, second]: [u16; 2], length: u32) -> bool {
    let mask = u32::MAX << (32 - length);
    let [a, b, ..] = address.segments();
    (u32::from(a) << 16 | u32::from(b)) & mask == u32::from(first) << 16 | u32::from(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(addresses: &[&str], public: bool) {
        for address in addresses {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }

    #[test]
    fn addresses_of_anybody() {
        check(
            &["1.1.1.1", "8.8.8.8", "52.216.0.1", "157.240.1.35", "223.255.255.255", "2606:4700::1111", "2a03:2880::1"],
            true,
        );
        check(&["2001:200::1", "2400:cb00::1", "3ffe::1"], true);
    }

    #[test]
    fn addresses_of_ours_or_of_nobody() {
        check(
            &["0.0.0.0", "0.1.2.3", "10.0.0.1", "127.0.0.1", "127.255.255.255", "169.254.169.254", "169.254.170.2"],
            false,
        );
        check(&["100.64.0.1", "100.127.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.0.0.8"], false);
        check(&["192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "198.19.255.255", "192.88.99.1"], false);
        check(&["224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"], false);
        check(
            &["::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1"],
            false,
        );
        check(&["fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "100::1", "5f00::1"], false);
        check(
            &["2001::1", "2001:10::1", "2001:1ff::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "3fff:fff::1"],
            false,
        );
    }

    #[test]
    fn networks_end_where_they_end() {
        for ([a, b, c, d], length) in NOT_PUBLIC_V4 {
            let first = u32::from_be_bytes([a, b, c, d]);
            let last = first | (u32::MAX >> length);
            assert!(!is_public(Ipv4Addr::from_bits(first).into()) && !is_public(Ipv4Addr::from_bits(last).into()));
            let outside = [first.wrapping_sub(1), last.wrapping_add(1)];
            for neighbour in outside.map(Ipv4Addr::from_bits) {
                let in_another = NOT_PUBLIC_V4.iter().any(|&(network, length)| within_v4(neighbour, network, length));
                assert_eq!(is_public(neighbour.into()), !in_another, "{neighbour}");
            }
        }
        check(&["9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0"], true);
        check(
            &["169.253.255.255", "169.255.0.0", "192.167.255.255", "192.169.0.0", "126.255.255.255", "128.0.0.0"],
            true,
        );
    }
}
