//! From which addresses datagrams are handled.

use std::net::{IpAddr, SocketAddr};

use crate::sys::interface_addresses;

/// Anybody's datagrams, or only those of this machine. The kernel drops what comes from elsewhere under an address of this
/// machine (a martian source), so the address is proof enough.
pub struct Senders(Option<Vec<IpAddr>>);

impl Senders {
    /// Every address.
    #[must_use]
    pub const fn anybody() -> Self {
        Self(None)
    }

    /// Loopback, the addresses of this machine's interfaces now, and those that are bound.
    #[must_use]
    pub fn this_machine(bound: &[SocketAddr]) -> Self {
        let wildcards = [IpAddr::from([0; 4]), IpAddr::from([0; 16])];
        let interfaces = wildcards.into_iter().flat_map(interface_addresses);
        Self(Some(interfaces.chain(bound.iter().map(SocketAddr::ip)).collect()))
    }

    /// Whether a datagram from this address is handled; others are dropped unread.
    #[must_use]
    pub fn admit(&self, from: IpAddr) -> bool {
        self.0.as_ref().is_none_or(|own| from.is_loopback() || own.contains(&from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_loopback_its_interfaces_and_what_is_bound() {
        let bound = SocketAddr::from(([192, 0, 2, 77], 1));
        let near = Senders::this_machine(&[bound]);
        for own in interface_addresses(IpAddr::from([0; 4])) {
            assert!(near.admit(own), "{own}");
        }
        for (from, admitted) in [("127.0.0.9", true), ("::1", true), ("192.0.2.77", true), ("198.51.100.1", false)] {
            assert_eq!(near.admit(from.parse().unwrap()), admitted, "{from}");
        }
        assert!(Senders::anybody().admit([198, 51, 100, 1].into()));
    }
}
