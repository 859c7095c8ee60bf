//! Packets on their way out: one slab of bytes and a list of what lies where.
//!
//! The slab is filled by the router and emptied by the shell after each batch, so that a burst to one player leaves as
//! one segmented send. Nothing is allocated once the slab has grown to the size of the largest batch.

use crate::ice::Path;

/// When the slab holds this many bytes the shell should send before it handles the next datagram: a batch that still
/// fits the processor's cache.
pub const FLUSH_BYTES: usize = 1 << 20;
/// As many small packets take as long to send.
pub const FLUSH_PACKETS: usize = 2048;

/// A slab that once grew beyond this is given back: an exceptional batch should not be paid for ever.
const RETAINED_BYTES: usize = 8 * FLUSH_BYTES;

/// One packet in the slab.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing {
    /// Where it goes.
    pub path: Path,
    /// Equal for packets of one transport: what a shell may sort by.
    pub flow: u32,
    start: usize,
    len: usize,
}

impl Outgoing {
    /// Length of the packet in bytes.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // nothing empty is ever sent
    pub fn len(&self) -> usize {
        self.len
    }
}

/// The slab.
#[derive(Default)]
pub struct Egress {
    slab: Vec<u8>,
    used: usize,
    packets: Vec<Outgoing>,
}

impl Egress {
    /// Adds a packet of at most `room` bytes: `fill` writes it and gives its length, or `None` to send nothing.
    pub fn push_with(
        &mut self,
        path: Path,
        flow: u32,
        room: usize,
        fill: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> Option<usize> {
        let end = self.used + room;
        if self.slab.len() < end {
            self.slab.resize(end.next_power_of_two(), 0);
        }
        let len = fill(&mut self.slab[self.used..end])?;
        self.packets.push(Outgoing { path, flow, start: self.used, len });
        self.used += len;
        Some(len)
    }

    /// Adds a packet that exists already.
    pub fn push(&mut self, path: Path, flow: u32, packet: &[u8]) {
        self.push_with(path, flow, packet.len(), |out| {
            out.copy_from_slice(packet);
            Some(packet.len())
        });
    }

    /// The packets, in the order in which they were added to their flow.
    #[must_use]
    pub fn packets(&self) -> &[Outgoing] {
        &self.packets
    }

    /// The bytes of one of `packets`.
    #[must_use]
    pub fn bytes(&self, packet: &Outgoing) -> &[u8] {
        &self.slab[packet.start..packet.start + packet.len]
    }

    /// Brings each flow's packets together, keeping their order.
    pub fn group_by_flow(&mut self) {
        if !self.packets.is_sorted_by_key(|packet| packet.flow) {
            self.packets.sort_by_key(|packet| packet.flow);
        }
    }

    /// Bytes that wait to be sent.
    #[must_use]
    pub fn len(&self) -> usize {
        self.used
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Whether the shell should send now.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.used >= FLUSH_BYTES || self.packets.len() >= FLUSH_PACKETS
    }

    /// Forgets all packets.
    pub fn clear(&mut self) {
        self.used = 0;
        self.packets.clear();
        if self.slab.len() > RETAINED_BYTES {
            self.slab = Vec::new();
        }
    }
}
