//! Where in the ring each sent packet lies, by the sequence number the player knows.

/// Times that one packet is sent again at most; bounds what a player can make the relay send.
const MAX_REPEATS: u8 = 5;

#[derive(Debug, Clone, Copy, Default)]
struct Sent {
    seq: u16,
    used: bool,
    repeats: u8,
    /// Low half of the ring position.
    position: u32,
    /// When it was sent again last, in ms.
    repeated_ms: u32,
}

/// What to do with a request for a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Send what lies at this ring position (its low half).
    Send(u32),
    /// It was sent again a moment ago, or often enough.
    Ignore,
    /// It is not known any more.
    Unknown,
}

/// The history of one sink.
pub struct History {
    sent: Vec<Sent>,
}

impl History {
    /// Remembers as many packets as the ring keeps.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { sent: vec![Sent::default(); capacity] }
    }

    /// Notes a sent packet.
    pub fn note(&mut self, seq: u16, position: u64) {
        let slot = usize::from(seq) % self.sent.len();
        self.sent[slot] = Sent { seq, used: true, repeats: 0, position: position as u32, repeated_ms: 0 };
    }

    /// Decides on a request; repeats within `interval_us` are one.
    pub fn request(&mut self, seq: u16, now_us: u64, interval_us: u64) -> Repeat {
        let slot = usize::from(seq) % self.sent.len();
        let sent = &mut self.sent[slot];
        if !sent.used || sent.seq != seq {
            return Repeat::Unknown;
        }
        let now_ms = (now_us / 1000) as u32;
        let recent = u64::from(now_ms.wrapping_sub(sent.repeated_ms)) * 1000 < interval_us;
        if sent.repeats >= MAX_REPEATS || (sent.repeats > 0 && recent) {
            return Repeat::Ignore;
        }
        sent.repeats += 1;
        sent.repeated_ms = now_ms;
        Repeat::Send(sent.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_repeated_a_few_times_and_not_at_once() {
        let mut history = History::new(8);
        history.note(65_535, 1 << 33 | 7);
        assert_eq!(history.request(7, 0, 10_000), Repeat::Unknown);
        assert_eq!(history.request(65_535, 1_000_000, 10_000), Repeat::Send(7));
        assert_eq!(history.request(65_535, 1_005_000, 10_000), Repeat::Ignore);
        for i in 1..5 {
            assert_eq!(history.request(65_535, 1_000_000 + i * 10_000, 10_000), Repeat::Send(7));
        }
        assert_eq!(history.request(65_535, 9_000_000, 10_000), Repeat::Ignore);
        history.note(7, 8);
        assert_eq!(history.request(65_535, 9_000_000, 10_000), Repeat::Unknown);
    }
}
