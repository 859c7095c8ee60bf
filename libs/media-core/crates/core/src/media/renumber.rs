//! Continuous sequence numbers and timestamps towards one player, whatever the publisher sends and the sink leaves out.
//!
//! The rule: a packet that was lost stays a gap (the player asks for it again, and gets it under its number); a packet
//! that was left out on purpose leaves none. Numbers are assigned by segments of constant offset. A segment never
//! changes once a packet went out under it, so a packet sent again is the same packet bit for bit: under GCM one index
//! must never protect two different ones.

use std::collections::VecDeque;

/// Segments remembered: packets older than these are not repaired any more.
const MAX_SEGMENTS: usize = 32;

/// Most numbers that stay free for packets of the source that did not come; a wider gap is closed to one number. Such a
/// hole is not repaired anyway, and a player that misses the packets between wide gaps would lose count of the wraps of
/// its sequence numbers (RFC 3711 §3.3.1 allows 2^15 at once): none of the packets that follow would be authentic to it.
pub const MAX_GAP: u64 = 512;

/// What the publisher's packet is called towards the player.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// Extended sequence number: the SRTP packet index.
    pub seq: u64,
    /// RTP timestamp.
    pub timestamp: u32,
}

/// Where the numbers of an SSRC go on when its medium comes from another track. A player takes both for one stream: where
/// the timestamps went back, Chromium would take a new publisher's frames for old ones and show none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Continuation {
    /// The number that no packet has yet.
    pub next_seq: u64,
    /// Timestamp of the newest packet that went out, and when; `None` if none did.
    pub clock: Option<(u32, u64)>,
}

#[derive(Debug, Clone, Copy)]
struct Segment {
    epoch: u32,
    /// Publisher's sequence numbers of the segment: from here ..
    from: u64,
    /// .. to before here.
    to: u64,
    seq_offset: u64,
    timestamp_offset: u32,
}

#[derive(Debug, Clone, Copy)]
struct Highest {
    epoch: u32,
    seq: u64,
}

/// The state of one sink.
pub struct Renumbering {
    clock_rate: u32,
    segments: VecDeque<Segment>,
    next_seq: u64,
    /// The newest packet that went out or was left out.
    highest: Option<Highest>,
    /// Timestamp of the newest packet that went out, and when.
    clock: Option<(u32, u64)>,
    /// The next packet starts a new segment.
    interrupted: bool,
}

impl Renumbering {
    /// The first packet will be called `start.next_seq`.
    #[must_use]
    pub fn new(start: Continuation, clock_rate: u32) -> Self {
        Self {
            clock_rate,
            segments: VecDeque::new(),
            next_seq: start.next_seq,
            highest: None,
            clock: start.clock,
            interrupted: false,
        }
    }

    /// Where another source under the same SSRC must go on.
    #[must_use]
    pub fn continuation(&self) -> Continuation {
        Continuation { next_seq: self.next_seq, clock: self.clock }
    }

    /// What is to be added to the publisher's timestamps now; `None` before the first packet.
    #[must_use]
    pub fn timestamp_offset(&self) -> Option<u32> {
        self.segments.back().map(|segment| segment.timestamp_offset)
    }

    /// Whether a newer packet went out, or was left out, before.
    #[must_use]
    pub fn is_late(&self, epoch: u32, seq: u64) -> bool {
        self.highest.is_some_and(|highest| (epoch, seq) <= (highest.epoch, highest.seq))
    }

    /// Numbers for a packet that goes out now; `None` if it is too late for it.
    pub fn forward(&mut self, epoch: u32, seq: u64, timestamp: u32, now_us: u64) -> Option<Numbers> {
        if self.is_late(epoch, seq) {
            let current = self.highest.is_some_and(|highest| highest.epoch == epoch);
            return if current { self.lookup(epoch, seq, timestamp) } else { None };
        }
        if self.jumps(epoch, seq) {
            self.interrupt();
            // One number stays free, so that the player knows that something is missing and asks for a keyframe.
            self.next_seq += 1;
        }
        if self.interrupted || self.highest.is_none_or(|highest| highest.epoch != epoch) {
            self.start_segment(epoch, seq, timestamp, now_us);
        }
        let numbers = self.lookup(epoch, seq, timestamp)?;
        self.next_seq = numbers.seq + 1;
        self.interrupted = false;
        self.highest = Some(Highest { epoch, seq });
        self.clock = Some((numbers.timestamp, now_us));
        Some(numbers)
    }

    /// Whether the gap before a packet that is not late is wider than the player should see.
    fn jumps(&self, epoch: u32, seq: u64) -> bool {
        let wide = |highest: Highest| highest.epoch == epoch && seq - highest.seq > MAX_GAP + 1;
        !self.interrupted && self.highest.is_some_and(wide)
    }

    fn start_segment(&mut self, epoch: u32, seq: u64, timestamp: u32, now_us: u64) {
        let timestamp_offset = match (self.segments.back(), self.clock) {
            (Some(last), _) if last.epoch == epoch => last.timestamp_offset,
            // Another source: its clock begins where ours would be by now.
            (_, Some((timestamp_then, then_us))) => {
                let elapsed = now_us.saturating_sub(then_us) * u64::from(self.clock_rate) / 1_000_000;
                timestamp_then.wrapping_add((elapsed as u32).max(1)).wrapping_sub(timestamp)
            }
            _ => 0,
        };
        let seq_offset = self.next_seq.wrapping_sub(seq);
        self.push(Segment { epoch, from: seq, to: u64::MAX, seq_offset, timestamp_offset });
    }

    fn push(&mut self, segment: Segment) {
        if self.segments.len() == MAX_SEGMENTS {
            self.segments.pop_front();
        }
        self.segments.push_back(segment);
    }

    /// Numbers of a packet that went out before, or may still go out late.
    #[must_use]
    pub fn lookup(&self, epoch: u32, seq: u64, timestamp: u32) -> Option<Numbers> {
        let holds = |segment: &&Segment| segment.epoch == epoch && segment.from <= seq && seq < segment.to;
        let segment = self.segments.iter().rev().find(holds)?;
        Some(Numbers {
            seq: seq.wrapping_add(segment.seq_offset),
            timestamp: timestamp.wrapping_add(segment.timestamp_offset),
        })
    }

    /// Notes that a packet is left out on purpose. Left out late, after newer ones went out, it stays a gap.
    pub fn skip(&mut self, epoch: u32, seq: u64) {
        if self.is_late(epoch, seq) {
            return;
        }
        if self.jumps(epoch, seq) {
            self.interrupt();
        }
        let continues = self.highest.replace(Highest { epoch, seq }).is_some_and(|highest| highest.epoch == epoch);
        if self.interrupted || !continues {
            self.interrupted = true;
            return;
        }
        let Some(last) = self.segments.back_mut() else { return };
        let next = Segment { from: seq + 1, seq_offset: last.seq_offset.wrapping_sub(1), ..*last };
        if last.from == seq {
            *last = next;
        } else {
            last.to = seq;
            self.push(next);
        }
        self.next_seq = (seq + 1).wrapping_add(next.seq_offset);
    }

    /// After an interruption: lets this packet be the next that goes out, though newer ones were left out meanwhile. False
    /// if it is from before the interruption.
    pub fn rewind_to(&mut self, epoch: u32, seq: u64) -> bool {
        let past_the_last = self.segments.back().is_none_or(|last| (last.epoch, last.to) <= (epoch, seq));
        if self.interrupted && past_the_last && seq > 0 {
            self.highest = Some(Highest { epoch, seq: seq - 1 });
            return true;
        }
        false
    }

    /// Notes that packets are withheld from now on; the next one that goes out follows on the last.
    pub fn interrupt(&mut self) {
        if let (Some(last), Some(highest)) = (self.segments.back_mut(), self.highest) {
            last.to = last.to.min(highest.seq + 1);
        }
        self.interrupted = true;
    }
}

#[cfg(test)]
mod tests;
