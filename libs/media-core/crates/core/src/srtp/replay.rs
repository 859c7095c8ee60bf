//! The replay window of RFC 3711 §3.3.2.

/// Packets older than this many below the highest are refused. A retransmission without RTX comes under its old index,
/// a round trip late: a second of 8 Mb/s video.
pub const WINDOW: u64 = 1024;
const WORD: u64 = 64;

/// Remembers which of the last `WINDOW` indexes were seen.
#[derive(Debug, Default)]
pub struct ReplayWindow {
    /// Highest index seen plus one; 0 before the first.
    end: u64,
    /// One bit for each index modulo the window.
    seen: [u64; (WINDOW / WORD) as usize],
}

impl ReplayWindow {
    /// Whether a packet of this index may still be accepted.
    pub fn fresh(&self, index: u64) -> bool {
        index >= self.end || (index + WINDOW >= self.end && self.seen[word(index)] & bit(index) == 0)
    }

    /// Marks an authenticated packet's index.
    pub fn mark(&mut self, index: u64) {
        if index >= self.end {
            self.advance(index + 1);
        }
        self.seen[word(index)] |= bit(index);
    }

    /// Forgets what falls out of the window: those bits now stand for the indexes that come in.
    fn advance(&mut self, end: u64) {
        if end - self.end >= WINDOW {
            self.seen.fill(0);
        } else {
            for index in self.end..end {
                self.seen[word(index)] &= !bit(index);
            }
        }
        self.end = end;
    }
}

fn word(index: u64) -> usize {
    (index % WINDOW / WORD) as usize
}

fn bit(index: u64) -> u64 {
    1 << (index % WORD)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn accepts_each_index_of_the_window_once(indexes in prop::collection::vec(0_u64..5000, 0..3000)) {
            let mut window = ReplayWindow::default();
            let mut accepted = HashSet::new();
            let mut highest = 0;
            for index in indexes {
                let expected = !accepted.contains(&index) && index + WINDOW > highest;
                prop_assert_eq!(window.fresh(index), expected);
                if expected {
                    window.mark(index);
                    accepted.insert(index);
                    highest = highest.max(index);
                }
            }
        }
    }
}
