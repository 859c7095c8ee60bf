//! Whether a peer receives what is sent to an address (return routability).
//!
//! A source address is easily forged, also by a peer with valid credentials and keys. So each new path is asked back: a
//! check of our own whose transaction id cannot be guessed. Whoever answers it reads what arrives there. RFC 8445 §7.3
//! makes every agent answer checks, lite ones too.

use crate::crypto::random;

/// Until a path is proven it is sent at most so many times the bytes that came from it, as in RFC 9000 §8.1.
pub const MAX_AMPLIFICATION: usize = 3;

/// Between repeats of an unanswered check. How many there are is limited by the bytes that come from the path.
const REPEAT_EVERY_US: u64 = 100_000;

/// What is known of one path.
#[derive(Debug, Default)]
pub struct Reachability {
    proven: bool,
    transaction: Option<[u8; 12]>,
    received: usize,
    sent: usize,
    asked_us: Option<u64>,
}

impl Reachability {
    /// Whether an answer came.
    #[must_use]
    pub fn proven(&self) -> bool {
        self.proven
    }

    /// Notes bytes that came from the path.
    pub fn received(&mut self, bytes: usize) {
        self.received = self.received.saturating_add(bytes);
    }

    /// Notes bytes that were sent there.
    pub fn sent(&mut self, bytes: usize) {
        self.sent = self.sent.saturating_add(bytes);
    }

    /// Whether to ask now with a check of so many bytes.
    #[must_use]
    pub fn due(&self, bytes: usize, now_us: u64) -> bool {
        let patient = self.asked_us.is_none_or(|asked_us| now_us >= asked_us + REPEAT_EVERY_US);
        !self.proven && patient && self.sent + bytes <= self.received.saturating_mul(MAX_AMPLIFICATION)
    }

    /// The transaction id to ask with, if it is due: `agent` leads the answer back to who asked, the other 64 bits are
    /// random. Repeats have the same one.
    pub fn ask(&mut self, agent: u32, bytes: usize, now_us: u64) -> Option<[u8; 12]> {
        if !self.due(bytes, now_us) {
            return None;
        }
        if self.transaction.is_none() {
            let mut transaction = [0; 12];
            transaction[..4].copy_from_slice(&agent.to_be_bytes());
            transaction[4..].copy_from_slice(&random::<8>()?);
            self.transaction = Some(transaction);
        }
        self.asked_us = Some(now_us);
        self.sent(bytes);
        self.transaction
    }

    /// Whether an answer with this transaction id is awaited.
    #[must_use]
    pub fn awaits(&self, transaction: &[u8; 12]) -> bool {
        !self.proven && self.transaction.as_ref() == Some(transaction)
    }

    /// The peer answered the check from this address, so media may be sent to it.
    pub fn prove(&mut self) {
        self.proven = true;
    }
}

/// Who asked with this transaction id.
#[must_use]
pub fn asker(transaction: &[u8; 12]) -> u32 {
    u32::from_be_bytes([transaction[0], transaction[1], transaction[2], transaction[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_ask_alike_and_two_paths_do_not() {
        let (mut one, mut other) = (Reachability::default(), Reachability::default());
        one.received(100);
        other.received(100);
        let first = one.ask(7, 80, 0).unwrap();
        assert_eq!(one.ask(7, 80, REPEAT_EVERY_US - 1), None);
        assert_eq!(one.ask(7, 80, REPEAT_EVERY_US), Some(first));
        assert_ne!(other.ask(7, 80, 0), Some(first));
        assert_eq!(asker(&first), 7);
        assert!(one.awaits(&first) && !other.awaits(&first));
        one.prove();
        assert!(!one.awaits(&first) && !one.due(80, 1 << 40));
    }

    #[test]
    fn a_path_is_sent_three_times_what_came_from_it() {
        let mut path = Reachability::default();
        assert!(!path.due(1, 0));
        path.received(100);
        path.sent(200);
        assert!(path.due(100, 0) && !path.due(101, 0));
        path.received(1);
        assert!(path.due(103, 0));
    }
}
