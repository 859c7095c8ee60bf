//! RTCP (RFC 3550 §6) with the feedback of RFC 4585, RFC 5104, REMB and transport-wide congestion control.

mod build;
mod parse;
mod twcc;

pub use build::{Compound, MAX_BLOCKS};
pub use parse::{Lost, Packet, Packets, ReportBlocks};
pub use twcc::ArrivalLog;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;

const FMT_NACK: u8 = 1;
const FMT_TWCC: u8 = 15;
const FMT_PLI: u8 = 1;
const FMT_FIR: u8 = 4;
const FMT_APPLICATION: u8 = 15;

/// One source in a sender or receiver report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source reported on.
    pub ssrc: u32,
    /// Share lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost in all, 24 bits.
    pub cumulative_lost: u32,
    /// Extended highest sequence number.
    pub highest_seq: u32,
    /// Interarrival jitter in units of the source's clock.
    pub jitter: u32,
    /// Middle 32 bits of the last sender report's NTP timestamp.
    pub last_sr: u32,
    /// Time since then in 1/65536 s.
    pub delay_since_last_sr: u32,
}

impl ReportBlock {
    /// `cumulative_lost` with its sign: less than nothing where packets came twice.
    #[must_use]
    pub fn total_lost(&self) -> i32 {
        ((self.cumulative_lost << 8) as i32) >> 8
    }
}

#[cfg(test)]
mod tests;
