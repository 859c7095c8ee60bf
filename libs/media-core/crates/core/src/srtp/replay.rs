//! The replay window of RFC 3711 §3.3.2.

/// Packets older than this many below the highest are refused; 128 covers a burst of retransmissions.
pub const WINDOW: u64 = 128;

/// Remembers which of the last `WINDOW` indexes were seen.
#[derive(Debug, Default)]
pub struct ReplayWindow {
    /// Highest index seen plus one; 0 before the first.
    end: u64,
    /// Bit n: index `end - 1 - n` was seen.
    seen: u128,
}

impl ReplayWindow {
    /// Whether a packet of this index may still be accepted.
    pub fn fresh(&self, index: u64) -> bool {
        if index >= self.end {
            return true;
        }
        let age = self.end - 1 - index;
        age < WINDOW && self.seen >> age & 1 == 0
    }

    /// Marks an authenticated packet's index.
    pub fn mark(&mut self, index: u64) {
        if index >= self.end {
            let shift = index + 1 - self.end;
            self.seen = if shift < WINDOW { self.seen << shift | 1 } else { 1 };
            self.end = index + 1;
        } else {
            self.seen |= 1 << (self.end - 1 - index);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn accepts_each_index_of_the_window_once(indexes in prop::collection::vec(0_u64..600, 0..800)) {
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
