//! Keyframe requests to one publisher, merged.

/// Two requests are at least so far apart: encoders pay for each keyframe, and so does every player's link.
pub const REQUEST_INTERVAL_US: u64 = 500_000;
/// Requests that stay unanswered before it is given up until somebody asks again.
const MAX_TRIES: u8 = 4;

/// State of one track.
#[derive(Debug, Default)]
pub struct KeyframeRequests {
    wanted: bool,
    tries: u8,
    sent_us: Option<u64>,
}

impl KeyframeRequests {
    /// Somebody needs a keyframe.
    pub fn want(&mut self) {
        self.wanted = true;
        self.tries = 0;
    }

    /// A keyframe came: it serves everybody who waited.
    pub fn satisfied(&mut self) {
        self.wanted = false;
    }

    /// Whether to send a request now; if so it counts as sent.
    pub fn poll(&mut self, now_us: u64) -> bool {
        if !self.wanted || self.sent_us.is_some_and(|sent_us| now_us < sent_us + REQUEST_INTERVAL_US) {
            return false;
        }
        self.sent_us = Some(now_us);
        self.tries += 1;
        self.wanted = self.tries < MAX_TRIES;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_merged_repeated_and_given_up() {
        let mut requests = KeyframeRequests::default();
        assert!(!requests.poll(0));
        requests.want();
        assert!(requests.poll(0));
        requests.want();
        requests.want();
        assert!(!requests.poll(499_999));
        let sent = (1..100).filter(|i| requests.poll(i * 500_000)).count();
        assert_eq!(sent, usize::from(MAX_TRIES));
    }

    #[test]
    fn a_keyframe_serves_all_who_waited() {
        let mut requests = KeyframeRequests::default();
        requests.want();
        assert!(requests.poll(0));
        requests.want();
        requests.satisfied();
        assert!(!requests.poll(1_000_000));
    }
}
