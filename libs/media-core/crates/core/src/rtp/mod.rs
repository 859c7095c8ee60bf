//! RTP packets (RFC 3550 §5.1) and their header extensions (RFC 8285).

mod extension;

pub use extension::{Elements, ExtensionWriter, MAX_BLOCK_LEN};

/// The fixed part of a header.
pub const FIXED_LEN: usize = 12;
/// Larger datagrams than this are not media from a browser; ring and slab are sized by it.
pub const MAX_PACKET: usize = 1500;

/// Whether a packet of the RTP range is RTCP when both share a port (RFC 5761 §4).
#[must_use]
pub fn is_rtcp(packet: &[u8]) -> bool {
    packet.len() >= 2 && (192..=223).contains(&packet[1])
}

/// A parsed header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Last packet of a frame, or start of a talk spurt.
    pub marker: bool,
    /// Payload type.
    pub payload_type: u8,
    /// Sequence number.
    pub seq: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Length with CSRCs and extensions.
    pub len: usize,
    /// The packet ends in padding.
    pub padded: bool,
    extension_at: usize,
}

impl Header {
    /// Parses the header; `None` if it is cut short or of another version.
    #[must_use]
    pub fn parse(packet: &[u8]) -> Option<Self> {
        if packet.len() < FIXED_LEN || packet[0] >> 6 != 2 {
            return None;
        }
        let mut len = FIXED_LEN + usize::from(packet[0] & 0x0f) * 4;
        let mut extension_at = 0;
        if packet[0] & 0x10 != 0 {
            extension_at = len;
            let words = packet.get(len + 2..len + 4)?;
            len += 4 + usize::from(u16::from_be_bytes([words[0], words[1]])) * 4;
        }
        if packet.len() < len {
            return None;
        }
        Some(Self {
            marker: packet[1] & 0x80 != 0,
            payload_type: packet[1] & 0x7f,
            seq: u16::from_be_bytes([packet[2], packet[3]]),
            timestamp: u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]),
            ssrc: u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]),
            len,
            padded: packet[0] & 0x20 != 0,
            extension_at,
        })
    }

    /// The header extension elements.
    #[must_use]
    pub fn elements<'a>(&self, packet: &'a [u8]) -> Elements<'a> {
        if self.extension_at == 0 {
            return Elements::none();
        }
        let at = self.extension_at;
        Elements::new(u16::from_be_bytes([packet[at], packet[at + 1]]), &packet[at + 4..self.len])
    }

    /// One header extension element.
    #[must_use]
    pub fn element<'a>(&self, packet: &'a [u8], id: u8) -> Option<&'a [u8]> {
        self.elements(packet).find(|(found, _)| *found == id).map(|(_, value)| value)
    }

    /// The end of the payload in a decrypted packet: where padding begins. `None` if the padding is impossible.
    #[must_use]
    pub fn payload_end(&self, packet: &[u8]) -> Option<usize> {
        if !self.padded {
            return Some(packet.len());
        }
        let padding = usize::from(*packet.last()?);
        packet.len().checked_sub(padding).filter(|end| padding > 0 && *end >= self.len)
    }
}

/// Writes a fixed header without CSRCs and padding.
pub fn write_header(
    out: &mut [u8],
    has_extension: bool,
    marker: bool,
    payload_type: u8,
    numbers: crate::media::Numbers,
    ssrc: u32,
) {
    out[0] = 0x80 | u8::from(has_extension) << 4;
    out[1] = u8::from(marker) << 7 | payload_type;
    out[2..4].copy_from_slice(&(numbers.seq as u16).to_be_bytes());
    out[4..8].copy_from_slice(&numbers.timestamp.to_be_bytes());
    out[8..12].copy_from_slice(&ssrc.to_be_bytes());
}

#[cfg(test)]
mod tests;
