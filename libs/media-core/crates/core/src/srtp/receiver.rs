//! The receiving half of a transport: index estimation (RFC 3711 §3.3.1) and replay protection per SSRC.

use super::PacketCipher;
use super::replay::ReplayWindow;

/// Most SSRCs with state on one transport. A peer that holds the keys could otherwise grow memory at will.
pub const MAX_STREAMS: usize = 256;

/// Why a packet was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Too short, or its tag is wrong.
    NotAuthentic,
    /// Seen already, or too old to tell.
    Replayed,
    /// One SSRC too many.
    TooManyStreams,
}

/// An opened RTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Length of header and plain payload.
    pub len: usize,
    /// Roll-over counter ‖ sequence number.
    pub index: u64,
}

#[derive(Default)]
struct Stream {
    ssrc: u32,
    rtp: ReplayWindow,
    rtcp: ReplayWindow,
    /// Highest authenticated index, once there was one.
    highest: Option<u64>,
}

/// Opens what one peer sends.
pub struct Receiver {
    cipher: Box<dyn PacketCipher>,
    streams: Vec<Stream>,
    last: usize,
}

impl Receiver {
    /// A receiver without streams.
    #[must_use]
    pub fn new(cipher: Box<dyn PacketCipher>) -> Self {
        Self { cipher, streams: Vec::new(), last: 0 }
    }

    fn find(&mut self, ssrc: u32) -> Option<usize> {
        if self.streams.get(self.last).is_some_and(|stream| stream.ssrc == ssrc) {
            return Some(self.last);
        }
        self.last = self.streams.iter().position(|stream| stream.ssrc == ssrc)?;
        Some(self.last)
    }

    /// State for an SSRC, made only for packets that proved authentic.
    fn find_or_add(&mut self, ssrc: u32) -> Result<&mut Stream, Refusal> {
        let at = match self.find(ssrc) {
            Some(at) => at,
            None if self.streams.len() < MAX_STREAMS => {
                self.streams.push(Stream { ssrc, ..Stream::default() });
                self.streams.len() - 1
            }
            None => return Err(Refusal::TooManyStreams),
        };
        Ok(&mut self.streams[at])
    }

    /// Opens an RTP packet in place; `header_len` covers CSRCs and extensions.
    ///
    /// # Errors
    /// Why it was refused; the packet's bytes are then unspecified.
    pub fn open_rtp(&mut self, ssrc: u32, seq: u16, header_len: usize, packet: &mut [u8]) -> Result<Opened, Refusal> {
        let known = self.find(ssrc).map(|at| &self.streams[at]);
        let index = estimate(known.and_then(|stream| stream.highest), seq);
        if known.is_some_and(|stream| !stream.rtp.fresh(index)) {
            return Err(Refusal::Replayed);
        }
        let len = self.cipher.open_rtp(ssrc, index, header_len, packet).ok_or(Refusal::NotAuthentic)?;
        let stream = self.find_or_add(ssrc)?;
        stream.rtp.mark(index);
        stream.highest = stream.highest.max(Some(index));
        Ok(Opened { len, index })
    }

    /// Opens an RTCP compound packet in place; its plain length.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Refusal> {
        let (len, index) = self.cipher.open_rtcp(packet).ok_or(Refusal::NotAuthentic)?;
        let ssrc = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        let stream = self.find_or_add(ssrc)?;
        if !stream.rtcp.fresh(u64::from(index)) {
            return Err(Refusal::Replayed);
        }
        stream.rtcp.mark(u64::from(index));
        Ok(len)
    }
}

/// The index nearest to the highest one that ends in `seq`; the first packet of a stream starts at roll-over 0.
fn estimate(highest: Option<u64>, seq: u16) -> u64 {
    let Some(highest) = highest else { return u64::from(seq) };
    nearest(highest, seq)
}

/// The extended sequence number ending in `seq` that is nearest to `reference`.
#[must_use]
pub fn nearest(reference: u64, seq: u16) -> u64 {
    let distance = i64::from(seq.wrapping_sub(reference as u16) as i16);
    reference.checked_add_signed(distance).unwrap_or(u64::from(seq))
}
