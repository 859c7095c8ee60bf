//! SRTP and SRTCP: AEAD_AES_{128,256}_GCM (RFC 7714) and AES128_CM_HMAC_SHA1_80 (RFC 3711).
//!
//! A cipher protects one packet, given its index; `Receiver` keeps roll-over counters and replay windows of a
//! transport's incoming streams; `Sender` knows the SRTCP index. Outgoing RTP indexes belong to the sinks, which
//! never use one twice.

mod cm;
mod gcm;
mod kdf;
mod receiver;
pub(crate) mod replay;

pub use receiver::{Opened, Receiver, Refusal, nearest};

/// Most bytes that protection adds to an RTP packet.
pub const MAX_RTP_OVERHEAD: usize = 16;
/// Most bytes that protection adds to an RTCP packet: tag and index word.
pub const MAX_RTCP_OVERHEAD: usize = 20;

/// What a DTLS handshake can agree on (IANA's DTLS-SRTP protection profiles).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// 0x0001, RFC 5764.
    Aes128CmSha1_80,
    /// 0x0007, RFC 7714.
    AeadAes128Gcm,
    /// 0x0008, RFC 7714.
    AeadAes256Gcm,
}

impl Profile {
    /// The profile of an IANA id.
    #[must_use]
    pub fn from_id(id: u16) -> Option<Self> {
        match id {
            0x0001 => Some(Self::Aes128CmSha1_80),
            0x0007 => Some(Self::AeadAes128Gcm),
            0x0008 => Some(Self::AeadAes256Gcm),
            _ => None,
        }
    }

    /// Length of the master key in bytes.
    #[must_use]
    pub fn key_len(self) -> usize {
        if self == Self::AeadAes256Gcm { 32 } else { 16 }
    }

    /// Length of the master salt in bytes.
    #[must_use]
    pub fn salt_len(self) -> usize {
        if self == Self::Aes128CmSha1_80 { 14 } else { 12 }
    }
}

/// Protects and opens single packets under the session keys of one direction.
///
/// `index` is the 48-bit packet index of RTP (roll-over counter ‖ sequence number) or the 31-bit one of SRTCP.
/// One (SSRC, index) must never protect two different packets: with GCM that gives the key away.
pub trait PacketCipher: Send {
    /// Bytes that `seal_rtp` adds.
    fn rtp_overhead(&self) -> usize;

    /// Bytes that `seal_rtcp` adds.
    fn rtcp_overhead(&self) -> usize;

    /// Encrypts `payload` into `out` behind the header of `header_len` bytes that stands there already; `out` is
    /// exactly header, payload and overhead long. False only if the back end fails.
    fn seal_rtp(&self, ssrc: u32, index: u64, header_len: usize, payload: &[u8], out: &mut [u8]) -> bool;

    /// Verifies and decrypts in place; the packet's plain length.
    fn open_rtp(&self, ssrc: u32, index: u64, header_len: usize, packet: &mut [u8]) -> Option<usize>;

    /// Encrypts a compound packet in place: `packet` is plain text with `rtcp_overhead` bytes of room behind it.
    fn seal_rtcp(&self, ssrc: u32, index: u32, packet: &mut [u8]) -> bool;

    /// Verifies and decrypts in place; plain length and index.
    fn open_rtcp(&self, packet: &mut [u8]) -> Option<(usize, u32)>;
}

/// Makes the cipher of one direction; `None` if key or salt have a wrong length.
#[must_use]
pub fn cipher(profile: Profile, master_key: &[u8], master_salt: &[u8]) -> Option<Box<dyn PacketCipher>> {
    if master_key.len() != profile.key_len() || master_salt.len() != profile.salt_len() {
        return None;
    }
    Some(match profile {
        Profile::Aes128CmSha1_80 => Box::new(cm::CmSha1::new(master_key, master_salt)?),
        Profile::AeadAes128Gcm | Profile::AeadAes256Gcm => Box::new(gcm::Gcm::new(master_key, master_salt)?),
    })
}

/// SRTCP counts 31 bits.
const LAST_RTCP_INDEX: u32 = 0x7fff_ffff;

/// The sending half of a transport.
pub struct Sender {
    cipher: Box<dyn PacketCipher>,
    rtcp_index: u32,
}

impl Sender {
    /// A sender whose SRTCP index starts at 1.
    #[must_use]
    pub fn new(cipher: Box<dyn PacketCipher>) -> Self {
        Self { cipher, rtcp_index: 0 }
    }

    /// The cipher, for RTP whose index the caller keeps.
    #[must_use]
    pub fn cipher(&self) -> &dyn PacketCipher {
        &*self.cipher
    }

    /// Protects a compound packet that has `rtcp_overhead` bytes of room behind its plain text. One index serves all
    /// SSRCs of the transport: it only has to grow for each of them.
    #[must_use]
    pub fn seal_rtcp(&mut self, packet: &mut [u8]) -> bool {
        // The index must not come twice under one key (RFC 3711 §9.2); at a thousand packets a second it lasts 24 days.
        if self.rtcp_index == LAST_RTCP_INDEX {
            return false;
        }
        self.rtcp_index += 1;
        let ssrc = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        self.cipher.seal_rtcp(ssrc, self.rtcp_index, packet)
    }
}

#[cfg(test)]
mod tests;
