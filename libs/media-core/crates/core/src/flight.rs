//! The flight recorder of one transport: what was decided about its packets in the last seconds.
//!
//! Like decisions about successive packets of one medium are one record, of at most `RUN_US`: every packet's fate stays
//! readable, loss shows as the gap between two records, and a record is written some ten times a second rather than for
//! each packet. Records have a fixed size and lie in a ring that grows, by doubling up to `MAX_RECORDS`, only while it
//! holds less than `SPAN_US`.

/// How far back the recorder reaches, unless `MAX_RECORDS` is too few for it.
pub const SPAN_US: u64 = 10_000_000;
/// A record covers at most so much time.
pub const RUN_US: u64 = 100_000;
/// Most records of one transport: 160 kB.
pub const MAX_RECORDS: usize = 4096;
const FIRST_RECORDS: usize = 64;

/// What became of a packet. Sequence numbers are those of the transport's peer, unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Publisher: came, is new, and is in the ring.
    Received,
    /// Publisher: a duplicate, too late, or invalid.
    Discarded,
    /// Publisher: asked to send it again.
    Requested,
    /// Publisher: asked for a keyframe.
    KeyframeRequested,
    /// Publisher: not authentic, or replayed, or beyond the limits of a transport.
    Refused,
    /// Player: sent on.
    Forwarded,
    /// Player: left out while this medium is paused. Numbers are the publisher's, as of all that is left out.
    Paused,
    /// Player: left out, nothing in it for this player: padding, or a payload type that it did not take.
    Unwanted,
    /// Player: left out until a keyframe comes.
    AwaitedKeyframe,
    /// Player: left out, newer ones went before it under other numbers.
    Late,
    /// Player: could not be sealed.
    Unsealed,
    /// Player: asked for it, and it was sent again.
    Repaired,
    /// Player: asked for it, and it was not there any more.
    Unrepairable,
    /// Player: asked for it right after it was sent again, or too often.
    RepairIgnored,
    /// Player: asked for a keyframe.
    KeyframeWanted,
}

/// A run of like decisions.
#[derive(Debug, Clone, Copy)]
pub struct Record {
    /// When the first was taken.
    pub at_us: u64,
    /// Id of the track or sink; 0 where it is not known.
    pub medium: u64,
    /// Bytes of the run.
    pub bytes: u32,
    /// From the first decision to the last, in ms.
    pub span_ms: u16,
    /// First sequence number.
    pub first: u16,
    /// Last sequence number.
    pub last: u16,
    /// Packets.
    pub packets: u16,
    /// What was decided.
    pub decision: Decision,
}

/// Where a medium's newest record lies; each track and sink has its own.
#[derive(Debug, Clone, Copy)]
pub struct Run(u64);

impl Default for Run {
    fn default() -> Self {
        Self(u64::MAX)
    }
}

/// The recorder.
#[derive(Default)]
pub struct FlightRecorder {
    records: Vec<Record>,
    /// Records ever begun.
    head: u64,
    /// Records before this one are gone.
    tail: u64,
}

impl FlightRecorder {
    /// Notes a decision about one packet.
    #[inline]
    pub fn note(&mut self, run: &mut Run, now_us: u64, medium: u64, decision: Decision, seq: u16, bytes: usize) {
        if let Some(record) = self.open(*run) {
            let follows = record.decision == decision && record.last.wrapping_add(1) == seq && record.medium == medium;
            let elapsed_us = now_us.saturating_sub(record.at_us);
            if follows && elapsed_us < RUN_US {
                record.last = seq;
                record.packets = record.packets.saturating_add(1);
                record.bytes = record.bytes.saturating_add(bytes as u32);
                record.span_ms = (elapsed_us / 1000) as u16;
                return;
            }
        }
        run.0 = self.head;
        let (first, last, bytes) = (seq, seq, bytes as u32);
        self.push(Record { at_us: now_us, medium, bytes, span_ms: 0, first, last, packets: 1, decision });
    }

    /// The last `SPAN_US`, oldest first.
    #[must_use]
    pub fn read(&self, now_us: u64) -> Vec<Record> {
        let lives = |record: &Record| record.at_us + u64::from(record.span_ms) * 1000 + SPAN_US >= now_us;
        (self.tail..self.head).map(|position| self.records[self.slot(position)]).filter(lives).collect()
    }

    fn open(&mut self, run: Run) -> Option<&mut Record> {
        let kept = run.0 >= self.tail && run.0 < self.head;
        let slot = self.slot(run.0);
        self.records.get_mut(slot).filter(|_| kept)
    }

    /// The capacity is a power of two.
    fn slot(&self, position: u64) -> usize {
        position as usize & self.records.len().wrapping_sub(1)
    }

    fn push(&mut self, record: Record) {
        if self.head - self.tail == self.records.len() as u64 {
            self.make_room(record);
        }
        let slot = self.slot(self.head);
        self.records[slot] = record;
        self.head += 1;
    }

    fn make_room(&mut self, record: Record) {
        let capacity = self.records.len();
        let young = capacity == 0 || self.records[self.slot(self.tail)].at_us + SPAN_US > record.at_us;
        if !young || capacity == MAX_RECORDS {
            self.tail += 1;
            return;
        }
        let mut larger = vec![record; (capacity * 2).max(FIRST_RECORDS)];
        let mask = larger.len() - 1;
        (self.tail..self.head).for_each(|at| larger[at as usize & mask] = self.records[self.slot(at)]);
        self.records = larger;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_decisions_are_one_record_and_loss_is_a_gap_between_two() {
        let (mut flight, mut audio, mut video) = (FlightRecorder::default(), Run::default(), Run::default());
        for seq in [65_534, 65_535, 0, 2] {
            flight.note(&mut video, 1_000_000, 1, Decision::Forwarded, seq, 100);
            flight.note(&mut audio, 1_000_000, 2, Decision::Forwarded, seq, 10);
        }
        flight.note(&mut video, 1_020_000, 1, Decision::Paused, 3, 100);
        let video: Vec<_> = flight.read(1_020_000).into_iter().filter(|record| record.medium == 1).collect();
        let seen: Vec<_> =
            video.iter().map(|record| (record.first, record.last, record.packets, record.bytes)).collect();
        assert_eq!(seen, [(65_534, 0, 3, 300), (2, 2, 1, 100), (3, 3, 1, 100)]);
        assert_eq!(video[2].decision, Decision::Paused);
    }

    #[test]
    fn it_reaches_ten_seconds_back_in_bounded_memory() {
        let (mut flight, mut run) = (FlightRecorder::default(), Run::default());
        for i in 0..30_000_u64 {
            flight.note(&mut run, i * 1000, 1, Decision::Forwarded, i as u16, 100);
        }
        let read = flight.read(30_000_000);
        assert_eq!(read.iter().map(|record| u64::from(record.packets)).sum::<u64>() / 100, 100);
        assert!(flight.records.len() <= 256, "{}", flight.records.len());
        for i in 0..200_000_u64 {
            flight.note(&mut run, 30_000_000 + i, 1, Decision::Forwarded, (2 * i) as u16, 100);
        }
        assert_eq!(flight.read(30_200_000).len(), MAX_RECORDS);
        assert_eq!(flight.records.len(), MAX_RECORDS);
    }
}
