//! Counters, and snapshots of them under the ids that the owner chose.

use std::net::SocketAddr;

/// Datagrams of the node.
#[derive(Debug, Default, Clone, Copy)]
#[allow(missing_docs)] // the names are the documentation
pub struct NodeCounters {
    pub datagrams: u64,
    pub dropped_unknown: u64,
    pub dropped_unauthenticated: u64,
    pub dropped_malformed: u64,
}

/// Counters of a transport.
#[derive(Debug, Default, Clone, Copy)]
#[allow(missing_docs)] // the names are the documentation; units are packets unless they say bytes
pub struct TransportCounters {
    pub rx_packets: u64,
    pub rx_bytes: u64,
    pub tx_packets: u64,
    pub tx_bytes: u64,
    pub rx_dropped_auth: u64,
    pub rx_replayed: u64,
    pub rx_unrouted: u64,
    pub rx_policed: u64,
    pub repairs_policed: u64,
    pub keyframes_policed: u64,
    pub nack_rx: u64,
    pub nack_tx: u64,
    pub pli_rx: u64,
    pub pli_tx: u64,
    pub rtx_tx: u64,
    pub twcc_tx: u64,
}

/// A transport.
#[derive(Debug)]
#[allow(missing_docs)] // the names are the documentation
pub struct TransportStats {
    pub id: u64,
    pub counters: TransportCounters,
    pub selected: Option<SocketAddr>,
    pub remb_bps: u64,
    pub rtt_us: Option<u64>,
}

/// A track.
#[derive(Debug)]
#[allow(missing_docs)] // the names are the documentation
pub struct TrackStats {
    pub id: u64,
    pub packets: u64,
    pub bytes: u64,
    pub lost: u64,
    /// Sent by its publisher, and of these what never came by itself; its source may have restarted.
    pub expected: u64,
    pub missed: u64,
    /// In units of the track's clock.
    pub jitter: u32,
    pub idle_us: Option<u64>,
    pub keyframes: u64,
    /// Packets and keyframes that the publisher was asked for.
    pub nacks: u64,
    pub plis: u64,
}

/// A sink.
#[derive(Debug)]
#[allow(missing_docs)] // the names are the documentation
pub struct SinkStats {
    pub id: u64,
    pub packets: u64,
    pub bytes: u64,
    pub nack_hits: u64,
    pub nack_misses: u64,
    /// As the player reported last, 0 to 1.
    pub fraction_lost: f64,
    pub reported: Option<Reported>,
    pub rtt_us: Option<u64>,
    pub plis: u64,
}

/// A player's last report on a stream, as RFC 3550 §6.4.1 counts.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)] // the names are the documentation
pub struct Reported {
    /// Extended highest sequence number.
    pub highest: u32,
    /// In all; less than nothing where packets came twice.
    pub lost: i32,
    /// In units of the stream's clock.
    pub jitter: u32,
}

/// Everything.
#[derive(Debug)]
#[allow(missing_docs)] // the names are the documentation
pub struct RouterStats {
    pub node: NodeCounters,
    pub transports: Vec<TransportStats>,
    pub tracks: Vec<TrackStats>,
    pub sinks: Vec<SinkStats>,
}
