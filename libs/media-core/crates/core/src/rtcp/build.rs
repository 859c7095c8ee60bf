//! Writes compound packets into a buffer that is used again and again.

use super::{
    FMT_APPLICATION, FMT_NACK, FMT_PLI, GOODBYE, PAYLOAD_FEEDBACK, RECEIVER_REPORT, ReportBlock, SENDER_REPORT,
    SOURCE_DESCRIPTION, TRANSPORT_FEEDBACK,
};

const CNAME: u8 = 1;
/// Report blocks of one packet (5 bits of count).
pub const MAX_BLOCKS: usize = 31;

/// A compound packet in the making.
#[derive(Default)]
pub struct Compound {
    bytes: Vec<u8>,
}

impl Compound {
    /// Empties the compound for the next packet.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// What was written.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Opens a packet; `close` sets its length.
    pub(super) fn open(&mut self, count_or_format: u8, packet_type: u8) -> usize {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0x80 | count_or_format, packet_type, 0, 0]);
        at
    }

    pub(super) fn close(&mut self, at: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        let words = (self.bytes.len() - at) / 4 - 1;
        self.bytes[at + 2..at + 4].copy_from_slice(&(words as u16).to_be_bytes());
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn put32(&mut self, value: u32) {
        self.put(&value.to_be_bytes());
    }

    fn put_block(&mut self, block: &ReportBlock) {
        self.put32(block.ssrc);
        self.put32(u32::from(block.fraction_lost) << 24 | block.cumulative_lost & 0x00ff_ffff);
        self.put32(block.highest_seq);
        self.put32(block.jitter);
        self.put32(block.last_sr);
        self.put32(block.delay_since_last_sr);
    }

    /// RR; only the first 31 blocks are written.
    pub fn receiver_report(&mut self, sender: u32, blocks: &[ReportBlock]) {
        let blocks = &blocks[..blocks.len().min(MAX_BLOCKS)];
        let at = self.open(blocks.len() as u8, RECEIVER_REPORT);
        self.put32(sender);
        for block in blocks {
            self.put_block(block);
        }
        self.close(at);
    }

    /// SR without report blocks.
    pub fn sender_report(&mut self, sender: u32, ntp: u64, timestamp: u32, packets: u32, octets: u32) {
        let at = self.open(0, SENDER_REPORT);
        self.put32(sender);
        self.put(&ntp.to_be_bytes());
        self.put32(timestamp);
        self.put32(packets);
        self.put32(octets);
        self.close(at);
    }

    /// SDES with the canonical name of one source.
    pub fn cname(&mut self, ssrc: u32, name: &str) {
        let at = self.open(1, SOURCE_DESCRIPTION);
        self.put32(ssrc);
        self.put(&[CNAME, name.len().min(255) as u8]);
        self.put(&name.as_bytes()[..name.len().min(255)]);
        // The item list ends with at least one zero byte.
        self.put(&[0]);
        self.close(at);
    }

    /// BYE of one source.
    pub fn goodbye(&mut self, ssrc: u32) {
        let at = self.open(1, GOODBYE);
        self.put32(ssrc);
        self.close(at);
    }

    /// Generic NACK for sequence numbers in ascending order.
    pub fn nack(&mut self, sender: u32, media: u32, lost: &[u16]) {
        let at = self.open(FMT_NACK, TRANSPORT_FEEDBACK);
        self.put32(sender);
        self.put32(media);
        let mut rest = lost;
        while let [pid, following @ ..] = rest {
            let mut mask = 0_u16;
            let mut taken = 0;
            for seq in following {
                let distance = seq.wrapping_sub(*pid);
                if !(1..=16).contains(&distance) {
                    break;
                }
                mask |= 1 << (distance - 1);
                taken += 1;
            }
            self.put(&pid.to_be_bytes());
            self.put(&mask.to_be_bytes());
            rest = &following[taken..];
        }
        self.close(at);
    }

    /// Picture loss indication.
    pub fn picture_loss(&mut self, sender: u32, media: u32) {
        let at = self.open(FMT_PLI, PAYLOAD_FEEDBACK);
        self.put32(sender);
        self.put32(media);
        self.close(at);
    }

    /// Receiver estimated maximum bitrate (draft-alvestrand-rmcat-remb), rounded down to 18 bits of mantissa.
    pub fn remb(&mut self, sender: u32, bps: u64, ssrcs: &[u32]) {
        let at = self.open(FMT_APPLICATION, PAYLOAD_FEEDBACK);
        self.put32(sender);
        self.put32(0);
        self.put(b"REMB");
        let ssrcs = &ssrcs[..ssrcs.len().min(255)];
        let exponent = (64 - bps.leading_zeros()).saturating_sub(18);
        let mantissa = (bps >> exponent) as u32;
        self.put32((ssrcs.len() as u32) << 24 | exponent << 18 | mantissa);
        for ssrc in ssrcs {
            self.put32(*ssrc);
        }
        self.close(at);
    }
}
