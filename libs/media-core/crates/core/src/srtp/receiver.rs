//! The receiving half of a transport: index estimation (RFC 3711 §3.3.1) and replay protection per SSRC.

use super::PacketCipher;
use super::replay::ReplayWindow;

/// SSRCs with state on one transport: the most recently heard ones. A peer that holds the keys could otherwise grow
/// memory at will; one that begins a new stream now and then never meets the limit.
pub const MAX_STREAMS: usize = 256;
/// Room for a packet that is tried under a second index; longer ones are tried once.
const MAX_RETRIED: usize = 2048;
/// A first packet numbered below this may come from behind a wrap.
const AFTER_WRAP: u16 = 1 << 15;

/// Why a packet was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Too short, or its tag is wrong.
    NotAuthentic,
    /// Seen already, or too old to tell.
    Replayed,
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
    /// Count of the transport's packets when the last one of this SSRC was opened.
    heard: u64,
}

/// Opens what one peer sends.
pub struct Receiver {
    cipher: Box<dyn PacketCipher>,
    streams: Vec<Stream>,
    last: usize,
    opened: u64,
}

impl Receiver {
    /// A receiver without streams.
    #[must_use]
    pub fn new(cipher: Box<dyn PacketCipher>) -> Self {
        Self { cipher, streams: Vec::new(), last: 0, opened: 0 }
    }

    fn find(&mut self, ssrc: u32) -> Option<usize> {
        if self.streams.get(self.last).is_some_and(|stream| stream.ssrc == ssrc) {
            return Some(self.last);
        }
        self.last = self.streams.iter().position(|stream| stream.ssrc == ssrc)?;
        Some(self.last)
    }

    /// State for an SSRC, made only for packets that proved authentic.
    fn find_or_add(&mut self, ssrc: u32) -> &mut Stream {
        self.opened += 1;
        let at = self.find(ssrc).unwrap_or_else(|| self.add(ssrc));
        let stream = &mut self.streams[at];
        stream.heard = self.opened;
        stream
    }

    /// Where the new stream's state lies; the stream that was not heard for longest makes way.
    fn add(&mut self, ssrc: u32) -> usize {
        let stream = Stream { ssrc, ..Stream::default() };
        if self.streams.len() < MAX_STREAMS {
            self.streams.push(stream);
            return self.streams.len() - 1;
        }
        let oldest = self.streams.iter().enumerate().min_by_key(|(_, stream)| stream.heard);
        let at = oldest.map_or(0, |(at, _)| at);
        self.streams[at] = stream;
        at
    }

    /// Opens an RTP packet in place; `header_len` covers CSRCs and extensions.
    ///
    /// # Errors
    /// Why it was refused; the packet's bytes are then unspecified.
    pub fn open_rtp(&mut self, ssrc: u32, seq: u16, header_len: usize, packet: &mut [u8]) -> Result<Opened, Refusal> {
        let known = self.find(ssrc).map(|at| &self.streams[at]);
        let opened = match known.and_then(|stream| Some((stream, stream.highest?))) {
            Some((stream, highest)) => {
                let index = nearest(highest, seq);
                if !stream.rtp.fresh(index) {
                    return Err(Refusal::Replayed);
                }
                self.open_at(ssrc, index, header_len, packet)
            }
            None => self.open_first(ssrc, seq, header_len, packet),
        }?;
        let stream = self.find_or_add(ssrc);
        stream.rtp.mark(opened.index);
        stream.highest = stream.highest.max(Some(opened.index));
        Ok(opened)
    }

    fn open_at(&self, ssrc: u32, index: u64, header_len: usize, packet: &mut [u8]) -> Result<Opened, Refusal> {
        let len = self.cipher.open_rtp(ssrc, index, header_len, packet).ok_or(Refusal::NotAuthentic)?;
        Ok(Opened { len, index })
    }

    /// A stream's first packet has roll-over counter 0; or 1, if it started near the end of the sequence numbers and
    /// the packets before the wrap were lost. RFC 3711 §3.3.1 knows 0 only, and such a stream would never be heard.
    fn open_first(&self, ssrc: u32, seq: u16, header_len: usize, packet: &mut [u8]) -> Result<Opened, Refusal> {
        let index = u64::from(seq);
        if seq >= AFTER_WRAP || packet.len() > MAX_RETRIED {
            return self.open_at(ssrc, index, header_len, packet);
        }
        let mut room = [0; MAX_RETRIED];
        let sealed = &mut room[..packet.len()];
        sealed.copy_from_slice(packet);
        self.open_at(ssrc, index, header_len, packet).or_else(|_| {
            packet.copy_from_slice(sealed);
            self.open_at(ssrc, index + (1 << 16), header_len, packet)
        })
    }

    /// Opens an RTCP compound packet in place; its plain length.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Refusal> {
        let (len, index) = self.cipher.open_rtcp(packet).ok_or(Refusal::NotAuthentic)?;
        let ssrc = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        let stream = self.find_or_add(ssrc);
        if !stream.rtcp.fresh(u64::from(index)) {
            return Err(Refusal::Replayed);
        }
        stream.rtcp.mark(u64::from(index));
        Ok(len)
    }
}

/// The extended sequence number ending in `seq` that is nearest to `reference`.
#[must_use]
pub fn nearest(reference: u64, seq: u16) -> u64 {
    let distance = i64::from(seq.wrapping_sub(reference as u16) as i16);
    reference.checked_add_signed(distance).unwrap_or(u64::from(seq))
}
