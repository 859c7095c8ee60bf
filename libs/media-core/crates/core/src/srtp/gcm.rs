//! AEAD_AES_128_GCM and AEAD_AES_256_GCM for SRTP and SRTCP (RFC 7714).

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::PacketCipher;
use super::kdf::{Kdf, Label};

const TAG_LEN: usize = 16;
const INDEX_LEN: usize = 4;
/// RTCP header and sender SSRC stay in the clear.
const RTCP_CLEAR: usize = 8;
const ENCRYPTED: u32 = 0x8000_0000;

/// The cipher of one direction.
pub struct Gcm {
    rtp: LessSafeKey,
    rtcp: LessSafeKey,
    rtp_salt: [u8; 12],
    rtcp_salt: [u8; 12],
}

impl Gcm {
    /// Derives the session keys.
    pub fn new(master_key: &[u8], master_salt: &[u8]) -> Option<Self> {
        let kdf = Kdf::new(master_key, master_salt)?;
        Some(Self {
            rtp: aead_key(&kdf, Label::RtpKey, master_key.len())?,
            rtcp: aead_key(&kdf, Label::RtcpKey, master_key.len())?,
            rtp_salt: kdf.array(Label::RtpSalt)?,
            rtcp_salt: kdf.array(Label::RtcpSalt)?,
        })
    }

    /// RFC 7714 §8.1: two zero bytes, SSRC, roll-over counter, sequence number, all XORed with the salt.
    fn rtp_nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let mut iv = self.rtp_salt;
        xor(&mut iv[2..6], &ssrc.to_be_bytes());
        xor(&mut iv[6..12], &index.to_be_bytes()[2..]);
        Nonce::assume_unique_for_key(iv)
    }

    /// RFC 7714 §9.1: two zero bytes, SSRC, two zero bytes, the index, all XORed with the salt.
    fn rtcp_nonce(&self, ssrc: u32, index: u32) -> Nonce {
        let mut iv = self.rtcp_salt;
        xor(&mut iv[2..6], &ssrc.to_be_bytes());
        xor(&mut iv[8..12], &index.to_be_bytes());
        Nonce::assume_unique_for_key(iv)
    }
}

fn aead_key(kdf: &Kdf, label: Label, len: usize) -> Option<LessSafeKey> {
    let mut key = [0; 32];
    kdf.derive(label, &mut key[..len])?;
    let algorithm = if len == 16 { &AES_128_GCM } else { &AES_256_GCM };
    UnboundKey::new(algorithm, &key[..len]).ok().map(LessSafeKey::new)
}

fn xor(bytes: &mut [u8], with: &[u8]) {
    for (byte, with) in bytes.iter_mut().zip(with) {
        *byte ^= with;
    }
}

fn rtcp_aad(header: &[u8], word: u32) -> [u8; RTCP_CLEAR + INDEX_LEN] {
    let mut aad = [0; RTCP_CLEAR + INDEX_LEN];
    aad[..RTCP_CLEAR].copy_from_slice(&header[..RTCP_CLEAR]);
    aad[RTCP_CLEAR..].copy_from_slice(&word.to_be_bytes());
    aad
}

impl PacketCipher for Gcm {
    fn rtp_overhead(&self) -> usize {
        TAG_LEN
    }

    fn rtcp_overhead(&self) -> usize {
        TAG_LEN + INDEX_LEN
    }

    fn seal_rtp(&self, ssrc: u32, index: u64, header_len: usize, payload: &[u8], out: &mut [u8]) -> bool {
        let (header, rest) = out.split_at_mut(header_len);
        let (text, tag) = rest.split_at_mut(payload.len());
        let nonce = self.rtp_nonce(ssrc, index);
        self.rtp.seal_out_of_place_scatter(nonce, Aad::from(&*header), payload, text, &[], tag).is_ok()
    }

    fn open_rtp(&self, ssrc: u32, index: u64, header_len: usize, packet: &mut [u8]) -> Option<usize> {
        let plain_len = packet.len().checked_sub(TAG_LEN).filter(|len| *len >= header_len)?;
        let (header, rest) = packet.split_at_mut(header_len);
        self.rtp.open_in_place(self.rtp_nonce(ssrc, index), Aad::from(&*header), rest).ok()?;
        Some(plain_len)
    }

    fn seal_rtcp(&self, ssrc: u32, index: u32, packet: &mut [u8]) -> bool {
        let word = index | ENCRYPTED;
        let aad = rtcp_aad(packet, word);
        let word_at = packet.len() - INDEX_LEN;
        packet[word_at..].copy_from_slice(&word.to_be_bytes());
        let (text, tag) = packet[RTCP_CLEAR..word_at].split_at_mut(word_at - TAG_LEN - RTCP_CLEAR);
        match self.rtcp.seal_in_place_separate_tag(self.rtcp_nonce(ssrc, index), Aad::from(aad), text) {
            Ok(made) => {
                tag.copy_from_slice(made.as_ref());
                true
            }
            Err(_) => false,
        }
    }

    fn open_rtcp(&self, packet: &mut [u8]) -> Option<(usize, u32)> {
        let word_at = packet.len().checked_sub(INDEX_LEN)?;
        let plain_len = word_at.checked_sub(TAG_LEN).filter(|len| *len >= RTCP_CLEAR)?;
        let word = u32::from_be_bytes(packet[word_at..].try_into().ok()?);
        // Unencrypted SRTCP is allowed by the RFC and used by nobody whom we would answer.
        if word & ENCRYPTED == 0 {
            return None;
        }
        let index = word & !ENCRYPTED;
        let ssrc = u32::from_be_bytes(packet[4..8].try_into().ok()?);
        let aad = rtcp_aad(packet, word);
        let text = &mut packet[RTCP_CLEAR..word_at];
        self.rtcp.open_in_place(self.rtcp_nonce(ssrc, index), Aad::from(aad), text).ok()?;
        Some((plain_len, index))
    }
}

#[cfg(test)]
#[path = "gcm_tests.rs"]
mod tests;
