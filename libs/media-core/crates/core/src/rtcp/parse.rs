//! Reads compound packets without allocating. What is malformed ends the compound; unknown kinds are skipped.

use super::{
    FMT_FIR, FMT_NACK, FMT_PLI, GOODBYE, PAYLOAD_FEEDBACK, RECEIVER_REPORT, ReportBlock, SENDER_REPORT,
    TRANSPORT_FEEDBACK,
};

const REPORT_LEN: usize = 24;

/// One packet of a compound.
#[derive(Debug)]
pub enum Packet<'a> {
    /// SR.
    SenderReport {
        /// The sender.
        ssrc: u32,
        /// NTP timestamp.
        ntp: u64,
        /// RTP timestamp of the same instant.
        timestamp: u32,
        /// What the sender receives.
        reports: ReportBlocks<'a>,
    },
    /// RR.
    ReceiverReport {
        /// What its sender receives.
        reports: ReportBlocks<'a>,
    },
    /// BYE.
    Goodbye {
        /// The sources that leave.
        ssrcs: Ssrcs<'a>,
    },
    /// Generic NACK.
    Nack {
        /// The source.
        ssrc: u32,
        /// What is missing.
        lost: Lost<'a>,
    },
    /// Picture loss indication.
    PictureLoss {
        /// The source.
        ssrc: u32,
    },
    /// Full intra request.
    FullIntra {
        /// The sources.
        ssrcs: Ssrcs<'a>,
    },
    /// Anything else.
    Other,
}

/// Iterates over a compound packet.
pub struct Packets<'a>(&'a [u8]);

impl<'a> Packets<'a> {
    /// Starts at the beginning of a decrypted compound.
    #[must_use]
    pub fn new(compound: &'a [u8]) -> Self {
        Self(compound)
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Packet<'a>;

    fn next(&mut self) -> Option<Packet<'a>> {
        let head = self.0.get(..4)?;
        let len = 4 + usize::from(u16::from_be_bytes([head[2], head[3]])) * 4;
        if head[0] >> 6 != 2 || self.0.len() < len {
            self.0 = &[];
            return None;
        }
        let (packet, rest) = self.0.split_at(len);
        self.0 = rest;
        Some(read(packet[0], packet[1], &packet[4..]).unwrap_or(Packet::Other))
    }
}

fn read(first: u8, packet_type: u8, body: &[u8]) -> Option<Packet<'_>> {
    let count = usize::from(first & 0x1f);
    let body = if first & 0x20 != 0 { unpadded(body)? } else { body };
    Some(match (packet_type, first & 0x1f) {
        (SENDER_REPORT, _) => Packet::SenderReport {
            ssrc: be32(body, 0)?,
            ntp: u64::from(be32(body, 4)?) << 32 | u64::from(be32(body, 8)?),
            timestamp: be32(body, 12)?,
            reports: ReportBlocks(body.get(24..24 + count * REPORT_LEN)?),
        },
        (RECEIVER_REPORT, _) => Packet::ReceiverReport { reports: ReportBlocks(body.get(4..4 + count * REPORT_LEN)?) },
        (GOODBYE, _) => Packet::Goodbye { ssrcs: Ssrcs { rest: body.get(..count * 4)?, stride: 4 } },
        (TRANSPORT_FEEDBACK, FMT_NACK) => {
            Packet::Nack { ssrc: be32(body, 4)?, lost: Lost { rest: &body[8..], pid: 0, mask: 0 } }
        }
        (PAYLOAD_FEEDBACK, FMT_PLI) => Packet::PictureLoss { ssrc: be32(body, 4)? },
        (PAYLOAD_FEEDBACK, FMT_FIR) => Packet::FullIntra { ssrcs: Ssrcs { rest: body.get(8..)?, stride: 8 } },
        _ => Packet::Other,
    })
}

fn unpadded(body: &[u8]) -> Option<&[u8]> {
    let padding = usize::from(*body.last()?);
    body.get(..body.len().checked_sub(padding)?)
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

/// Report blocks.
#[derive(Debug)]
pub struct ReportBlocks<'a>(&'a [u8]);

impl Iterator for ReportBlocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        let block = self.0.get(..REPORT_LEN)?;
        self.0 = &self.0[REPORT_LEN..];
        Some(ReportBlock {
            ssrc: be32(block, 0)?,
            fraction_lost: block[4],
            cumulative_lost: be32(block, 4)? & 0x00ff_ffff,
            highest_seq: be32(block, 8)?,
            jitter: be32(block, 12)?,
            last_sr: be32(block, 16)?,
            delay_since_last_sr: be32(block, 20)?,
        })
    }
}

/// SSRCs at regular distances.
#[derive(Debug)]
pub struct Ssrcs<'a> {
    rest: &'a [u8],
    stride: usize,
}

impl Iterator for Ssrcs<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let ssrc = be32(self.rest, 0)?;
        self.rest = self.rest.get(self.stride..).unwrap_or(&[]);
        Some(ssrc)
    }
}

/// Sequence numbers of a NACK: each item names one and, by a mask, any of the 16 that follow it.
#[derive(Debug)]
pub struct Lost<'a> {
    rest: &'a [u8],
    pid: u16,
    mask: u32,
}

impl Iterator for Lost<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if self.mask == 0 {
            let item = self.rest.get(..4)?;
            self.rest = &self.rest[4..];
            self.pid = u16::from_be_bytes([item[0], item[1]]);
            self.mask = u32::from(u16::from_be_bytes([item[2], item[3]])) << 1 | 1;
        }
        let bit = self.mask.trailing_zeros();
        self.mask &= self.mask - 1;
        Some(self.pid.wrapping_add(bit as u16))
    }
}
