//! The last packets of a track, in arrival order, for forwarding and for answering NACKs.
//!
//! Bytes lie in one arena that is filled round and round; entries are known by their position, which only grows, so
//! that a stale one is distinguished from a valid one.

use crate::command::MediaKind;
use crate::rtp::Header;

/// Packets kept of an audio track: five seconds of 20 ms.
const AUDIO_ENTRIES: usize = 256;
/// Packets kept of a video track: a second and more of 8 Mb/s.
const VIDEO_ENTRIES: usize = 1024;
/// Mean bytes per entry that the arena has room for.
const AUDIO_MEAN: usize = 256;
const VIDEO_MEAN: usize = 1024;

/// A kept packet, without its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Its header, which describes the packet at hand.
    pub header: Header,
    /// Extended sequence number.
    pub seq: u64,
    /// Counts the publisher's changes of SSRC; sequence numbers compare within an epoch only.
    pub epoch: u32,
    /// Whether a keyframe begins here.
    pub keyframe: bool,
    start: usize,
    len: usize,
}

/// The ring.
pub struct Ring {
    arena: Box<[u8]>,
    entries: Vec<Entry>,
    capacity: usize,
    tail: u64,
    head: u64,
    write_at: usize,
}

impl Ring {
    /// An empty ring of the size that the kind needs. Its memory is touched as it fills.
    #[must_use]
    pub fn new(kind: MediaKind) -> Self {
        match kind {
            MediaKind::Audio => Self::with_capacity(AUDIO_ENTRIES, AUDIO_ENTRIES * AUDIO_MEAN),
            MediaKind::Video => Self::with_capacity(VIDEO_ENTRIES, VIDEO_ENTRIES * VIDEO_MEAN),
        }
    }

    fn with_capacity(capacity: usize, bytes: usize) -> Self {
        let arena = vec![0; bytes].into_boxed_slice();
        Self { arena, entries: Vec::new(), capacity, tail: 0, head: 0, write_at: 0 }
    }

    /// Position of the oldest packet that is still there.
    #[must_use]
    pub fn tail(&self) -> u64 {
        self.tail
    }

    /// Position of the next packet.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.head
    }

    /// How many packets are kept at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Keeps a packet (header and payload without padding); its position. The oldest make way.
    pub fn push(&mut self, packet: &[u8], header: Header, seq: u64, epoch: u32, keyframe: bool) -> u64 {
        let start = self.make_room(packet.len());
        self.arena[start..start + packet.len()].copy_from_slice(packet);
        self.write_at = start + packet.len();
        let entry = Entry { header, seq, epoch, keyframe, start, len: packet.len() };
        let slot = self.slot(self.head);
        if slot == self.entries.len() {
            self.entries.push(entry);
        } else {
            self.entries[slot] = entry;
        }
        self.head += 1;
        self.head - 1
    }

    fn slot(&self, position: u64) -> usize {
        (position % self.capacity as u64) as usize
    }

    /// Where `len` bytes may be written, after dropping what lies there.
    fn make_room(&mut self, len: usize) -> usize {
        if self.head - self.tail == self.capacity as u64 {
            self.tail += 1;
        }
        let mut start = self.write_at;
        if start + len > self.arena.len() {
            self.drop_between(start, self.arena.len());
            start = 0;
        }
        self.drop_between(start, start + len);
        start
    }

    /// Drops the oldest while they overlap the range: as the arena is filled in order, they are the only ones to.
    fn drop_between(&mut self, from: usize, to: usize) {
        while self.tail < self.head {
            let oldest = &self.entries[self.slot(self.tail)];
            if oldest.start + oldest.len <= from || oldest.start >= to {
                return;
            }
            self.tail += 1;
        }
    }

    /// The packet at a position, unless it made way.
    #[must_use]
    pub fn get(&self, position: u64) -> Option<(&Entry, &[u8])> {
        if position < self.tail || position >= self.head {
            return None;
        }
        let entry = &self.entries[self.slot(position)];
        Some((entry, &self.arena[entry.start..entry.start + entry.len]))
    }

    /// The position whose low 32 bits are these, if it may still be kept.
    #[must_use]
    pub fn widen(&self, low: u32) -> Option<u64> {
        let age = (self.head as u32).wrapping_sub(low);
        self.head.checked_sub(u64::from(age))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    fn header() -> Header {
        Header::parse(&[0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]).unwrap()
    }

    proptest! {
        #[test]
        fn what_is_kept_is_whole_and_the_newest(lens in prop::collection::vec(12_usize..300, 1..200)) {
            let mut ring = Ring::with_capacity(16, 2048);
            let mut pushed = VecDeque::new();
            for (i, len) in lens.into_iter().enumerate() {
                let packet = vec![i as u8; len];
                let position = ring.push(&packet, header(), i as u64, 0, false);
                prop_assert_eq!(position, i as u64);
                pushed.push_back(packet);
                let kept: Vec<bool> = (0..=position).map(|at| ring.get(at).is_some()).collect();
                prop_assert!(kept[position as usize]);
                prop_assert!(kept.is_sorted(), "a newer packet made way for an older one");
                prop_assert!(kept.iter().filter(|kept| **kept).count() <= 16);
                for at in 0..=position {
                    if let Some((entry, bytes)) = ring.get(at) {
                        prop_assert_eq!(entry.seq, at);
                        prop_assert_eq!(bytes, &pushed[at as usize][..]);
                    }
                }
                prop_assert_eq!(ring.widen(position as u32), Some(position));
            }
        }
    }

    #[test]
    fn small_packets_fill_all_entries() {
        let mut ring = Ring::with_capacity(16, 2048);
        for i in 0..100 {
            ring.push(&[0; 20], header(), i, 0, false);
        }
        assert_eq!((0..100).filter(|at| ring.get(*at).is_some()).count(), 16);
    }
}
