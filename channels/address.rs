//! Which addresses an outgoing request may reach. Pure.
//!
//! People type the URLs of channels. Without this filter such a URL could point at the service's own
//! neighbours: a metadata service, a database, an administration page.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// IPv4 ranges that are not the public internet (the IANA special-purpose registry, and multicast).
const CLOSED_V4: &[(Ipv4Addr, u8)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8),       // this network, unspecified
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // carrier-grade NAT
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local, metadata services
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved, broadcast
];

/// Parts of the global IPv6 unicast space that carry something else inside.
const CLOSED_V6: &[(Ipv6Addr, u8)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments, Teredo
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4 wraps any IPv4 address
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// Whether the address belongs to the public internet.
pub fn is_public(address: IpAddr) -> bool {
    match unwrapped(address) {
        IpAddr::V4(v4) => !CLOSED_V4.iter().any(|&(net, bits)| within_v4(v4, net, bits)),
        IpAddr::V6(v6) => {
            let global_unicast = v6.segments()[0] & 0xe000 == 0x2000;
            global_unicast && !CLOSED_V6.iter().any(|&(net, bits)| within_v6(v6, net, bits))
        }
    }
}

/// Whether one of `nets` holds the address.
pub fn is_listed(address: IpAddr, nets: &[IpNet]) -> bool {
    let inner = unwrapped(address);
    nets.iter().any(|net| net.contains(&address) || net.contains(&inner))
}

/// The IPv4 address inside a mapped (`::ffff:0:0/96`) or NAT64 (`64:ff9b::/96`) one.
fn unwrapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return IpAddr::V4(v4);
    }
    let [a, b, 0, 0, 0, 0, high, low] = v6.segments() else { return address };
    if (a, b) != (0x64, 0xff9b) {
        return address;
    }
    IpAddr::V4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
}

fn within_v4(address: Ipv4Addr, net: Ipv4Addr, bits: u8) -> bool {
    let shift = 32 - u32::from(bits);
    u32::from(address) >> shift == u32::from(net) >> shift
}

fn within_v6(address: Ipv6Addr, net: Ipv6Addr, bits: u8) -> bool {
    let shift = 128 - u32::from(bits);
    u128::from(address) >> shift == u128::from(net) >> shift
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn public_addresses_are_public() {
        for text in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1", "64:ff9b::101:101"] {
            assert!(is_public(ip(text)), "{text}");
        }
    }

    #[test]
    fn everything_else_is_not() {
        let closed = "0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.9.9.9 169.254.169.254 172.16.0.1 172.31.255.255 \
            192.168.1.1 198.19.0.1 224.0.0.1 255.255.255.255 :: ::1 ::7f00:1 fe80::1 fc00::1 fd12::1 ff02::1 \
            ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1 64:ff9b:1::1 2002:7f00:1:: 2001::1 2001:db8::1";
        for text in closed.split_whitespace() {
            assert!(!is_public(ip(text)), "{text}");
        }
    }

    #[test]
    fn a_listed_network_holds_mapped_addresses_too() {
        let nets = ["127.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        assert!(is_listed(ip("::ffff:127.0.0.1"), &nets));
        assert!(is_listed(ip("fd00::1"), &nets));
        assert!(!is_listed(ip("10.0.0.1"), &nets));
    }
}
