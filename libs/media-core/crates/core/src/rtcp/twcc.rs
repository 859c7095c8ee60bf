//! Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01): tells a publisher
//! when each of its packets arrived, from which it estimates what the path can carry.

use super::{Compound, FMT_TWCC, TRANSPORT_FEEDBACK};
use crate::srtp::nearest;

/// Packets that one feedback describes at most; keeps it well below the path's packet size.
const MAX_DESCRIBED: u64 = 400;
/// Arrivals remembered between two feedbacks. More than that in 100 ms is beyond any publisher.
const MAX_ARRIVALS: usize = 4096;
/// Ticks of the reference time: 64 ms.
const REFERENCE_US: u64 = 64_000;
/// Ticks of a delta: 250 µs.
const DELTA_US: i64 = 250;

const NOT_RECEIVED: u8 = 0;
const SMALL_DELTA: u8 = 1;
const LARGE_DELTA: u8 = 2;

/// Arrivals of one publisher's transport.
#[derive(Debug, Default)]
pub struct ArrivalLog {
    arrivals: Vec<(u64, u64)>,
    /// First sequence number that no feedback has described.
    next: Option<u64>,
    highest: Option<u64>,
    feedback_count: u8,
    symbols: Vec<u8>,
    deltas: Vec<u8>,
}

impl ArrivalLog {
    /// Notes a packet's transport-wide sequence number.
    pub fn arrived(&mut self, seq: u16, now_us: u64) {
        // Starting one round up leaves room for numbers before the first one.
        let seq = nearest(self.highest.unwrap_or(1 << 16 | u64::from(seq)), seq);
        self.highest = self.highest.max(Some(seq));
        if self.arrivals.len() < MAX_ARRIVALS && self.next.is_none_or(|next| seq >= next) {
            self.arrivals.push((seq, now_us));
        }
    }

    /// Whether there is anything to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.arrivals.is_empty()
    }

    /// Writes one feedback packet; call until `is_empty`.
    pub fn write(&mut self, compound: &mut Compound, sender: u32, media: u32) {
        self.arrivals.sort_unstable();
        self.arrivals.dedup_by_key(|(seq, _)| *seq);
        let Some((first_seq, first_us)) = self.arrivals.first().copied() else { return };
        // Losses before the first arrival are told, unless the publisher jumped.
        let base = self.next.filter(|next| first_seq - next < MAX_DESCRIBED).unwrap_or(first_seq);
        let reference = first_us / REFERENCE_US;
        let described = self.describe(base, reference);
        let last = self.arrivals[described - 1].0;
        let at = compound.open(FMT_TWCC, TRANSPORT_FEEDBACK);
        compound.put(&sender.to_be_bytes());
        compound.put(&media.to_be_bytes());
        compound.put(&(base as u16).to_be_bytes());
        compound.put(&((last - base + 1) as u16).to_be_bytes());
        let count = self.feedback_count;
        self.feedback_count = count.wrapping_add(1);
        compound.put(&((reference as u32) << 8 | u32::from(count)).to_be_bytes());
        write_chunks(compound, &self.symbols);
        compound.put(&self.deltas);
        compound.close(at);
        self.arrivals.drain(..described);
        self.next = Some(last + 1);
    }

    /// Fills symbols and deltas; how many arrivals fitted.
    fn describe(&mut self, base: u64, reference: u64) -> usize {
        self.symbols.clear();
        self.deltas.clear();
        let mut previous_us = reference * REFERENCE_US;
        for (count, (seq, now_us)) in self.arrivals.iter().enumerate() {
            let ticks = (*now_us as i64 - previous_us as i64) / DELTA_US;
            if count > 0 && (seq - base >= MAX_DESCRIBED || i16::try_from(ticks).is_err()) {
                return count;
            }
            self.symbols.resize((seq - base) as usize, NOT_RECEIVED);
            if let Ok(small) = u8::try_from(ticks) {
                self.symbols.push(SMALL_DELTA);
                self.deltas.push(small);
            } else {
                self.symbols.push(LARGE_DELTA);
                self.deltas.extend_from_slice(&(ticks as i16).to_be_bytes());
            }
            // Rounding must not add up.
            previous_us = previous_us.saturating_add_signed(ticks * DELTA_US);
        }
        self.arrivals.len()
    }
}

/// Run-length chunks where they pay, else vectors of one or two bits a symbol.
fn write_chunks(compound: &mut Compound, mut symbols: &[u8]) {
    while let Some(first) = symbols.first() {
        let run = symbols.iter().take_while(|symbol| *symbol == first).count();
        let (chunk, taken) = if run >= 14 || run == symbols.len() {
            (u16::from(*first) << 13 | run as u16, run)
        } else if symbols.iter().take(14).all(|symbol| *symbol <= SMALL_DELTA) {
            (0x8000 | vector(symbols, 14, 1), 14)
        } else {
            (0xc000 | vector(symbols, 7, 2), 7)
        };
        compound.put(&chunk.to_be_bytes());
        symbols = symbols.get(taken..).unwrap_or(&[]);
    }
}

fn vector(symbols: &[u8], count: usize, bits: usize) -> u16 {
    let padded = symbols.iter().copied().chain(std::iter::repeat(NOT_RECEIVED)).take(count);
    padded.fold(0, |chunk, symbol| chunk << bits | u16::from(symbol))
}
