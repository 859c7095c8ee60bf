//! The bitrate that REMB asks of a publisher when it does not estimate by itself from transport-wide feedback.
//!
//! A loss-driven hint in the manner of RFC 8698's simplest forms: up while nothing is lost, down to below what arrives
//! when much is. With transport-wide feedback the publisher knows better, and only a cap is sent.

/// Told first: enough for a publisher to start on.
const START_BPS: u64 = 1_000_000;
/// Told at least.
const MIN_BPS: u64 = 100_000;
/// Told at most unless a cap says otherwise.
const MAX_BPS: u64 = 10_000_000;
/// Loss in 1/256 below which the hint grows, and above which it falls: 2 % and 10 %.
const LITTLE_LOSS: u8 = 5;
const MUCH_LOSS: u8 = 26;

/// The hint of one transport.
#[derive(Debug)]
pub struct BitrateHint {
    cap_bps: Option<u64>,
    estimate_bps: u64,
    hint_bps: u64,
    bytes: u64,
    updated_us: u64,
}

impl Default for BitrateHint {
    fn default() -> Self {
        Self { cap_bps: None, estimate_bps: START_BPS, hint_bps: 0, bytes: 0, updated_us: 0 }
    }
}

impl BitrateHint {
    /// The most that is ever asked.
    pub fn cap(&mut self, bps: u64) {
        self.cap_bps = Some(bps.max(MIN_BPS));
    }

    /// The bitrate that was sent last; 0 if none.
    #[must_use]
    pub fn hint_bps(&self) -> u64 {
        self.hint_bps
    }

    /// Takes all bytes received so far and the worst share lost since the last call; what to tell now, if anything.
    pub fn update(&mut self, bytes: u64, fraction_lost: u8, self_estimating: bool, now_us: u64) -> Option<u64> {
        let elapsed_us = now_us.saturating_sub(self.updated_us).max(1);
        let arriving_bps = bytes.saturating_sub(self.bytes) * 8_000_000 / elapsed_us;
        self.bytes = bytes;
        self.updated_us = now_us;
        if self_estimating {
            self.hint_bps = self.cap_bps.unwrap_or(0);
            return self.cap_bps;
        }
        if fraction_lost <= LITTLE_LOSS {
            self.estimate_bps = (self.estimate_bps * 5 / 4).max(arriving_bps * 3 / 2);
        } else if fraction_lost >= MUCH_LOSS {
            self.estimate_bps = self.estimate_bps.min(arriving_bps) * 17 / 20;
        }
        let cap_bps = self.cap_bps.unwrap_or(MAX_BPS);
        self.estimate_bps = self.estimate_bps.clamp(MIN_BPS, cap_bps);
        self.hint_bps = self.estimate_bps;
        Some(self.estimate_bps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_climbs_without_loss_and_falls_with_it() {
        let mut hint = BitrateHint::default();
        for second in 1..=20 {
            hint.update(second * 100_000, 0, false, second * 1_000_000);
        }
        assert_eq!(hint.hint_bps(), MAX_BPS);
        hint.update(21 * 100_000, 64, false, 21_000_000);
        assert_eq!(hint.hint_bps(), 680_000);
    }

    #[test]
    fn only_a_cap_is_told_to_who_estimates() {
        let mut hint = BitrateHint::default();
        assert_eq!(hint.update(1, 0, true, 1_000_000), None);
        hint.cap(500_000);
        assert_eq!(hint.update(2, 0, true, 2_000_000), Some(500_000));
        assert_eq!(hint.update(3, 0, false, 3_000_000), Some(500_000));
    }
}
