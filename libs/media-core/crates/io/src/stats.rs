//! A snapshot of all counters.

use parlour_media_core::stats::RouterStats;

/// What the sockets counted.
#[derive(Debug, Default, Clone, Copy)]
pub struct SocketCounters {
    /// Packets handed to the kernel.
    pub sent_packets: u64,
    /// System calls that took.
    pub send_calls: u64,
    /// Packets that the kernel did not take.
    pub send_dropped: u64,
    /// System calls that brought datagrams.
    pub receive_calls: u64,
    /// Panics caught.
    pub panics: u64,
}

/// The snapshot.
#[derive(Debug)]
pub struct Stats {
    /// The router's part.
    pub router: RouterStats,
    /// The sockets' part.
    pub sockets: SocketCounters,
    /// CPU time of each packet thread.
    pub thread_cpu_ns: Vec<u64>,
    /// The smallest receive buffer that a socket was granted.
    pub receive_buffer: usize,
    /// Datagrams that the kernel dropped since a receive buffer was full.
    pub kernel_drops: u64,
    /// Whether runs are segmented by the kernel, on all sockets.
    pub segments: bool,
}
