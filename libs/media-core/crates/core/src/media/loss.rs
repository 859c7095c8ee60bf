//! The packets that a publisher still owes (generic NACK, RFC 4585 §6.2.1).

use std::ops::Range;

/// Packets asked for at a time; a larger hole is not worth repairing, a keyframe is cheaper.
const MAX_MISSING: usize = 256;
/// Reordered packets get this long before they count as lost.
const PATIENCE_US: u64 = 10_000;
/// Requests for one packet before it is given up.
const MAX_TRIES: u8 = 8;
/// Between two requests at least this long, whatever the round trip.
const MIN_INTERVAL_US: u64 = 40_000;

#[derive(Debug, Clone, Copy)]
struct Missing {
    seq: u64,
    due_us: u64,
    tries: u8,
}

/// The list of one track.
#[derive(Debug, Default)]
pub struct LossList {
    missing: Vec<Missing>,
    highest: Option<u64>,
    /// The first packets of a source overtake each other too: what lies above the lowest that came was sent.
    lowest: u64,
}

impl LossList {
    /// Notes an arrived packet; false if the hole before it is too large to ask for.
    pub fn arrived(&mut self, seq: u64, now_us: u64) -> bool {
        let Some(highest) = self.highest else {
            self.highest = Some(seq);
            self.lowest = seq;
            return true;
        };
        if seq < self.lowest {
            let hole = seq + 1..std::mem::replace(&mut self.lowest, seq);
            return self.note(hole, now_us);
        }
        if seq <= highest {
            self.missing.retain(|missing| missing.seq != seq);
            return true;
        }
        self.highest = Some(seq);
        if self.note(highest + 1..seq, now_us) {
            return true;
        }
        self.missing.clear();
        self.lowest = seq;
        false
    }

    fn note(&mut self, hole: Range<u64>, now_us: u64) -> bool {
        if (hole.end - hole.start) as usize + self.missing.len() > MAX_MISSING {
            return false;
        }
        let due_us = now_us + PATIENCE_US;
        self.missing.extend(hole.map(|seq| Missing { seq, due_us, tries: 0 }));
        self.missing.sort_unstable_by_key(|missing| missing.seq);
        true
    }

    /// Forgets everything: the publisher restarted its sequence numbers.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Whether anything is missing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty()
    }

    /// Collects the packets to ask for now, in order.
    pub fn poll(&mut self, now_us: u64, round_trip_us: u64, wanted: &mut Vec<u16>) {
        let interval_us = MIN_INTERVAL_US.max(round_trip_us + round_trip_us / 4);
        for missing in self.missing.iter_mut().filter(|missing| missing.due_us <= now_us) {
            missing.tries += 1;
            missing.due_us = now_us + interval_us;
            wanted.push(missing.seq as u16);
        }
        self.missing.retain(|missing| missing.tries < MAX_TRIES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(list: &mut LossList, now_us: u64) -> Vec<u16> {
        let mut wanted = Vec::new();
        list.poll(now_us, 100_000, &mut wanted);
        wanted
    }

    #[test]
    fn what_is_missing_is_asked_for_until_it_comes() {
        let mut list = LossList::default();
        assert!(list.arrived(65_534, 0) && list.arrived(65_538, 0));
        assert_eq!(poll(&mut list, 5_000), []);
        assert_eq!(poll(&mut list, 10_000), [65_535, 0, 1]);
        assert_eq!(poll(&mut list, 100_000), []);
        list.arrived(65_536, 100_000);
        assert_eq!(poll(&mut list, 135_000), [65_535, 1]);
        let more: usize = (2..100).map(|i| poll(&mut list, i * 200_000).len()).sum();
        assert_eq!(more, 2 * (usize::from(MAX_TRIES) - 2));
        assert!(list.is_empty());
    }

    #[test]
    fn what_is_missing_among_the_first_packets_is_asked_for_too() {
        let mut list = LossList::default();
        for seq in [105, 106, 108, 102] {
            assert!(list.arrived(seq, 0));
        }
        assert_eq!(poll(&mut list, 10_000), [103, 104, 107]);
        assert!(list.arrived(104, 10_000) && list.arrived(100, 10_000));
        assert_eq!(poll(&mut list, 20_000), [101]);
    }

    #[test]
    fn a_hole_too_large_is_not_asked_for() {
        let mut list = LossList::default();
        assert!(list.arrived(1, 0));
        assert!(!list.arrived(1000, 0));
        assert_eq!(poll(&mut list, 1_000_000), []);
    }
}
