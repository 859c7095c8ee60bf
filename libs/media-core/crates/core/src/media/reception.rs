//! What a receiver reports about a source (RFC 3550 §6.4.1, appendices A.3 and A.8).

use crate::rtcp::ReportBlock;

/// A sender report's clock pair, and when it came.
#[derive(Debug, Clone, Copy)]
pub struct SenderClock {
    /// NTP timestamp, 32.32 fixed point.
    pub ntp: u64,
    /// The RTP timestamp of the same instant.
    pub timestamp: u32,
    /// When the report arrived.
    pub now_us: u64,
}

/// Reception of one SSRC.
#[derive(Debug)]
pub struct Reception {
    clock_rate: u32,
    first: Option<u64>,
    highest: u64,
    received: u64,
    reported_expected: u64,
    reported_received: u64,
    /// Scaled by 16.
    jitter: u32,
    transit: Option<u32>,
    /// The last sender report.
    pub clock: Option<SenderClock>,
}

impl Reception {
    /// Nothing received yet.
    #[must_use]
    pub fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            first: None,
            highest: 0,
            received: 0,
            reported_expected: 0,
            reported_received: 0,
            jitter: 0,
            transit: None,
            clock: None,
        }
    }

    /// Highest extended sequence number, once there is one.
    #[must_use]
    pub fn highest(&self) -> Option<u64> {
        self.first.map(|_| self.highest)
    }

    /// Counts a packet of the source itself, not of its retransmission stream.
    pub fn arrived(&mut self, seq: u64, timestamp: u32, now_us: u64) {
        self.received += 1;
        let first = *self.first.get_or_insert(seq);
        self.first = Some(first.min(seq));
        self.highest = self.highest.max(seq);
        let arrival = (now_us.wrapping_mul(u64::from(self.clock_rate)) / 1_000_000) as u32;
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(previous) = self.transit.replace(transit) {
            let difference = (transit.wrapping_sub(previous) as i32).unsigned_abs();
            self.jitter = self.jitter + difference.min(self.clock_rate) - ((self.jitter + 8) >> 4);
        }
    }

    /// Interarrival jitter in units of the clock.
    #[must_use]
    pub fn jitter(&self) -> u32 {
        self.jitter >> 4
    }

    /// Packets that were sent, as far as sequence numbers tell.
    #[must_use]
    pub fn expected(&self) -> u64 {
        self.first.map_or(0, |first| self.highest - first + 1)
    }

    /// Packets that never came by themselves.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.received)
    }

    /// The block for the next report, and the share that was lost since the previous one; `None` before any packet.
    pub fn report(&mut self, ssrc: u32, now_us: u64) -> Option<ReportBlock> {
        self.first?;
        let expected = self.expected() - self.reported_expected;
        let received = self.received - self.reported_received;
        self.reported_expected = self.expected();
        self.reported_received = self.received;
        let lost = expected.saturating_sub(received);
        let fraction_lost = (lost * 256).checked_div(expected).unwrap_or(0).min(255) as u8;
        let (last_sr, delay) = match self.clock {
            Some(clock) => ((clock.ntp >> 16) as u32, (now_us - clock.now_us) * 65_536 / 1_000_000),
            None => (0, 0),
        };
        Some(ReportBlock {
            ssrc,
            fraction_lost,
            cumulative_lost: self.lost().min(0x7f_ffff) as u32,
            highest_seq: self.highest as u32,
            jitter: self.jitter(),
            last_sr,
            delay_since_last_sr: delay as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_reported_since_the_last_report_and_in_total() {
        let mut reception = Reception::new(90_000);
        assert!(reception.report(1, 0).is_none());
        for seq in (100..200).filter(|seq| seq % 4 != 1) {
            reception.arrived(seq, 0, 0);
        }
        let report = reception.report(1, 0).unwrap();
        assert_eq!((report.fraction_lost, report.cumulative_lost, report.highest_seq), (64, 25, 199));
        for seq in 200..300 {
            reception.arrived(seq, 0, 0);
        }
        let report = reception.report(1, 0).unwrap();
        assert_eq!((report.fraction_lost, report.cumulative_lost), (0, 25));
    }

    #[test]
    fn steady_packets_have_no_jitter_and_unsteady_ones_do() {
        let mut reception = Reception::new(90_000);
        for i in 0..100 {
            reception.arrived(i, i as u32 * 900, i * 10_000);
        }
        assert_eq!(reception.jitter(), 0);
        for i in 100..400 {
            reception.arrived(i, i as u32 * 900, i * 10_000 + (i % 2) * 2_000);
        }
        assert!((150..=180).contains(&reception.jitter()), "{}", reception.jitter());
    }

    #[test]
    fn the_last_sender_report_is_cited_with_its_age() {
        let mut reception = Reception::new(90_000);
        reception.arrived(1, 0, 0);
        reception.clock = Some(SenderClock { ntp: 0x1234_5678_9abc_def0, timestamp: 0, now_us: 500_000 });
        let report = reception.report(1, 1_000_000).unwrap();
        assert_eq!((report.last_sr, report.delay_since_last_sr), (0x5678_9abc, 32_768));
    }
}
