//! What the router tells its owner.

use std::net::SocketAddr;

/// Ids are those that the owner chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The first authenticated and nominated pair.
    IceConnected {
        /// The transport.
        transport: u64,
        /// The peer's address.
        remote: SocketAddr,
    },
    /// Another pair was nominated.
    IceMoved {
        /// The transport.
        transport: u64,
        /// The peer's new address.
        remote: SocketAddr,
    },
    /// No authentic check came for the consent timeout; nothing is sent until one comes.
    IceTimeout {
        /// The transport.
        transport: u64,
    },
    /// A DTLS datagram from an admitted 5-tuple.
    Dtls {
        /// The transport.
        transport: u64,
        /// The datagram.
        datagram: Vec<u8>,
    },
    /// Keys are in place.
    SrtpReady {
        /// The transport.
        transport: u64,
    },
    /// The first RTP packet of a track was opened.
    MediaStarted {
        /// The transport.
        transport: u64,
        /// The track.
        track: u64,
    },
    /// The publisher said BYE for a track.
    Bye {
        /// The transport.
        transport: u64,
        /// The track.
        track: u64,
    },
}
