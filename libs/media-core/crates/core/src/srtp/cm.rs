//! AES128_CM_HMAC_SHA1_80 for SRTP and SRTCP (RFC 3711 §4.1.1 and §4.2).

use super::PacketCipher;
use super::kdf::{Kdf, Label};
use crate::crypto::{AesCtr, HmacSha1};

const TAG_LEN: usize = 10;
const INDEX_LEN: usize = 4;
const RTCP_CLEAR: usize = 8;
const ENCRYPTED: u32 = 0x8000_0000;

struct Keys {
    aes: AesCtr,
    mac: HmacSha1,
    salt: [u8; 14],
}

impl Keys {
    fn new(kdf: &Kdf, key: Label, auth: Label, salt: Label) -> Option<Self> {
        Some(Self {
            aes: AesCtr::new(&kdf.array::<16>(key)?)?,
            mac: HmacSha1::new(&kdf.array::<20>(auth)?),
            salt: kdf.array(salt)?,
        })
    }

    /// IV = salt·2^16 ⊕ SSRC·2^64 ⊕ index·2^16.
    fn apply(&self, ssrc: u32, index: u64, bytes: &mut [u8]) -> bool {
        let mut iv = [0; 16];
        iv[..14].copy_from_slice(&self.salt);
        for (byte, with) in iv[4..8].iter_mut().zip(ssrc.to_be_bytes()) {
            *byte ^= with;
        }
        for (byte, with) in iv[8..14].iter_mut().zip(&index.to_be_bytes()[2..]) {
            *byte ^= with;
        }
        self.aes.apply(iv, bytes)
    }
}

/// The cipher of one direction.
pub struct CmSha1 {
    rtp: Keys,
    rtcp: Keys,
}

impl CmSha1 {
    /// Derives the session keys.
    pub fn new(master_key: &[u8], master_salt: &[u8]) -> Option<Self> {
        let kdf = Kdf::new(master_key, master_salt)?;
        Some(Self {
            rtp: Keys::new(&kdf, Label::RtpKey, Label::RtpAuth, Label::RtpSalt)?,
            rtcp: Keys::new(&kdf, Label::RtcpKey, Label::RtcpAuth, Label::RtcpSalt)?,
        })
    }
}

/// The roll-over counter that is authenticated though not sent.
fn rollover(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

impl PacketCipher for CmSha1 {
    fn rtp_overhead(&self) -> usize {
        TAG_LEN
    }

    fn rtcp_overhead(&self) -> usize {
        INDEX_LEN + TAG_LEN
    }

    fn seal_rtp(&self, ssrc: u32, index: u64, header_len: usize, payload: &[u8], out: &mut [u8]) -> bool {
        let (packet, tag) = out.split_at_mut(header_len + payload.len());
        packet[header_len..].copy_from_slice(payload);
        let sealed = self.rtp.apply(ssrc, index, &mut packet[header_len..]);
        tag.copy_from_slice(&self.rtp.mac.sign(&[packet, &rollover(index)])[..TAG_LEN]);
        sealed
    }

    fn open_rtp(&self, ssrc: u32, index: u64, header_len: usize, packet: &mut [u8]) -> Option<usize> {
        let plain_len = packet.len().checked_sub(TAG_LEN).filter(|len| *len >= header_len)?;
        let (packet, tag) = packet.split_at_mut(plain_len);
        let authentic = self.rtp.mac.verify(&[packet, &rollover(index)], tag);
        (authentic && self.rtp.apply(ssrc, index, &mut packet[header_len..])).then_some(plain_len)
    }

    fn seal_rtcp(&self, ssrc: u32, index: u32, packet: &mut [u8]) -> bool {
        let tag_at = packet.len() - TAG_LEN;
        let word_at = tag_at - INDEX_LEN;
        let sealed = self.rtcp.apply(ssrc, u64::from(index), &mut packet[RTCP_CLEAR..word_at]);
        packet[word_at..tag_at].copy_from_slice(&(index | ENCRYPTED).to_be_bytes());
        let mac = self.rtcp.mac.sign(&[&packet[..tag_at]]);
        packet[tag_at..].copy_from_slice(&mac[..TAG_LEN]);
        sealed
    }

    fn open_rtcp(&self, packet: &mut [u8]) -> Option<(usize, u32)> {
        let tag_at = packet.len().checked_sub(TAG_LEN)?;
        let word_at = tag_at.checked_sub(INDEX_LEN).filter(|len| *len >= RTCP_CLEAR)?;
        let (packet, tag) = packet.split_at_mut(tag_at);
        if !self.rtcp.mac.verify(&[packet], tag) {
            return None;
        }
        let word = u32::from_be_bytes(packet[word_at..].try_into().ok()?);
        let index = word & !ENCRYPTED;
        let ssrc = u32::from_be_bytes(packet[4..8].try_into().ok()?);
        let text = &mut packet[RTCP_CLEAR..word_at];
        (word & ENCRYPTED != 0 && self.rtcp.apply(ssrc, u64::from(index), text)).then_some((word_at, index))
    }
}
