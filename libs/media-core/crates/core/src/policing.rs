//! What one peer may make the router do: token buckets, so that a flood on one transport is not everybody's.

/// Keyframes that a player may ask for at once; each costs the publisher and every other player a burst.
const KEYFRAMES_AT_ONCE: u64 = 5;
/// After that, time for each further one.
const KEYFRAME_EVERY_US: u64 = 2_000_000;
/// DTLS datagrams of a peer that are handed on at once: a handshake with all its repeats.
const DTLS_AT_ONCE: u64 = 64;
/// After that, time for each further one. A connected peer has nothing to say but goodbye, and each costs the owner's loop.
const DTLS_EVERY_US: u64 = 50_000;

/// Limits of each transport, by the second. What is above them is dropped and counted.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Authentic packets that a peer sends.
    pub packets: u64,
    /// Bits a second in those packets.
    pub bits: u64,
    /// Packets that a player is sent again.
    pub repairs: u64,
}

impl Default for Limits {
    /// Twice what 31 camera streams send, and more than a link gives; repairs of a player that loses half of ten streams.
    fn default() -> Self {
        Self { packets: 10_000, bits: 200_000_000, repairs: 1_500 }
    }
}

/// A token bucket, full at first.
#[derive(Debug)]
pub struct Bucket {
    size: u64,
    /// Time in which one token comes, in ns.
    every_ns: u64,
    level: u64,
    filled_ns: u64,
}

impl Bucket {
    /// `size` tokens at once, then one each `every_us`.
    #[must_use]
    pub const fn new(size: u64, every_us: u64) -> Self {
        Self { size, every_ns: every_us * 1000, level: size, filled_ns: 0 }
    }

    /// Tokens of one second at once, and so many each second.
    #[must_use]
    pub const fn per_second(rate: u64) -> Self {
        let rate = if rate == 0 { 1 } else { rate };
        Self { size: rate, every_ns: 1_000_000_000 / rate, level: rate, filled_ns: 0 }
    }

    /// Takes tokens; false, and takes none, if there are not so many.
    pub fn take(&mut self, tokens: u64, now_us: u64) -> bool {
        self.fill(now_us);
        if self.level < tokens {
            return false;
        }
        self.level -= tokens;
        true
    }

    fn fill(&mut self, now_us: u64) {
        let (now_ns, every_ns) = (now_us.saturating_mul(1000), self.every_ns.max(1));
        let tokens = now_ns.saturating_sub(self.filled_ns) / every_ns;
        if tokens >= self.size - self.level {
            self.level = self.size;
            self.filled_ns = now_ns;
        } else {
            self.level += tokens;
            self.filled_ns += tokens * every_ns;
        }
    }
}

/// The buckets of one transport.
#[derive(Debug)]
pub struct Policing {
    packets: Bucket,
    /// In bytes: a bucket of bits would fill in less than the clock's unit.
    bytes: Bucket,
    /// Packets that a player is sent again: retransmissions.
    pub repairs: Bucket,
    /// DTLS datagrams handed on.
    pub dtls: Bucket,
}

impl Policing {
    /// Starts with full buckets, so that a burst at the beginning passes.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            packets: Bucket::per_second(limits.packets),
            bytes: Bucket::per_second(limits.bits / 8),
            repairs: Bucket::per_second(limits.repairs),
            dtls: Bucket::new(DTLS_AT_ONCE, DTLS_EVERY_US),
        }
    }

    /// Whether an authentic packet of so many bytes is within the limits.
    pub fn admits(&mut self, bytes: usize, now_us: u64) -> bool {
        self.packets.take(1, now_us) && self.bytes.take(bytes as u64, now_us)
    }
}

/// A bucket of keyframe requests of one sink.
#[must_use]
pub const fn keyframe_bucket() -> Bucket {
    Bucket::new(KEYFRAMES_AT_ONCE, KEYFRAME_EVERY_US)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_rate_and_no_more_however_the_time_is_cut() {
        for step_us in [1, 7, 333, 1_000, 250_000] {
            let mut bucket = Bucket::per_second(3_000);
            assert!((0..3_000).all(|_| bucket.take(1, 0)));
            let taken =
                (1..=2_000_000 / step_us).map(|step| (0..9_000).take_while(|_| bucket.take(1, step * step_us)).count());
            let taken: usize = taken.sum();
            assert!((5_980..=6_000).contains(&taken), "{taken} in steps of {step_us} us");
        }
    }

    #[test]
    fn rates_beyond_the_clocks_unit_hold_too() {
        let mut bucket = Bucket::per_second(25_000_000);
        assert!(bucket.take(25_000_000, 0));
        let taken = (1..=100_000_u64).filter(|step| bucket.take(1_200, step * 10)).count() as u64 * 1_200;
        assert!((24_900_000..=25_000_000).contains(&taken), "{taken}");
    }

    #[test]
    fn a_long_rest_fills_it_and_no_more() {
        let mut bucket = Bucket::new(5, 2_000_000);
        assert!((0..5).all(|_| bucket.take(1, 0)) && !bucket.take(1, 1_999_999) && bucket.take(1, 2_000_000));
        assert!(bucket.take(5, 1 << 50) && !bucket.take(1, 1 << 50));
    }
}
