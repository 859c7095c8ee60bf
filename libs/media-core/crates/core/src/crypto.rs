//! The few primitives that the protocols share, over aws-lc.

use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rand;

/// Length of a SHA-1 MAC in bytes.
pub const SHA1_LEN: usize = 20;

/// A prepared HMAC-SHA1 key (RFC 2104). STUN (RFC 8489) and SRTP's older profile (RFC 3711) prescribe SHA-1.
pub struct HmacSha1(hmac::Key);

impl HmacSha1 {
    /// Prepares a key of any length.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key))
    }

    /// The MAC over the parts, one after another.
    #[must_use]
    pub fn sign(&self, parts: &[&[u8]]) -> [u8; SHA1_LEN] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        let mut mac = [0; SHA1_LEN];
        mac.copy_from_slice(context.sign().as_ref());
        mac
    }

    /// Whether `mac`, which may be truncated, belongs to the parts; in constant time.
    #[must_use]
    pub fn verify(&self, parts: &[&[u8]], mac: &[u8]) -> bool {
        let own = self.sign(parts);
        mac.len() <= SHA1_LEN && verify_slices_are_equal(&own[..mac.len()], mac).is_ok()
    }
}

/// AES in counter mode with a prepared key of 16 or 32 bytes.
pub struct AesCtr(EncryptingKey);

impl AesCtr {
    /// `None` if the key is neither 16 nor 32 bytes long.
    #[must_use]
    pub fn new(key: &[u8]) -> Option<Self> {
        let algorithm = match key.len() {
            16 => &AES_128,
            32 => &AES_256,
            _ => return None,
        };
        let key = UnboundCipherKey::new(algorithm, key).ok()?;
        EncryptingKey::ctr(key).ok().map(Self)
    }

    /// XORs the key stream that begins at `counter` into `bytes`; false only if the back end fails.
    #[must_use]
    pub fn apply(&self, counter: [u8; 16], bytes: &mut [u8]) -> bool {
        let context = EncryptionContext::Iv128(FixedLength::from(counter));
        self.0.less_safe_encrypt(bytes, context).is_ok()
    }
}

/// Bytes that nobody can guess; `None` if the operating system gives none.
#[must_use]
pub fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).ok()?;
    Some(bytes)
}

/// CRC-32 of ISO-HDLC, as STUN's FINGERPRINT uses it.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| CRC_TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize] ^ (crc >> 8))
}

const CRC_TABLE: [u32; 256] = crc_table();

const fn crc_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut value = i as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0xedb8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[i] = value;
        i += 1;
    }
    table
}

/// A small deterministic generator (splitmix64) for values that need to differ, not to be secret: first sequence
/// numbers and timestamps.
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// The same seed gives the same values.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next value.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_of_the_check_string() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn hmac_of_rfc_2202_case_2() {
        let mac = HmacSha1::new(b"Jefe").sign(&[b"what do ya want ", b"for nothing?"]);
        assert_eq!(mac[..4], [0xef, 0xfc, 0xdf, 0x6a]);
    }

    #[test]
    fn a_truncated_mac_is_verified_over_its_own_length() {
        let key = HmacSha1::new(b"k");
        let mac = key.sign(&[b"x"]);
        assert!(key.verify(&[b"x"], &mac[..10]));
        assert!(!key.verify(&[b"y"], &mac[..10]));
    }
}
