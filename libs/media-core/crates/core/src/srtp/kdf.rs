//! Key derivation of RFC 3711 §4.3 (AES counter mode as PRF, key derivation rate 0), used by RFC 7714 §11 as well.

use crate::crypto::AesCtr;

/// Labels of RFC 3711 §4.3.2.
#[derive(Debug, Clone, Copy)]
pub enum Label {
    /// RTP encryption key.
    RtpKey = 0,
    /// RTP authentication key.
    RtpAuth = 1,
    /// RTP salt.
    RtpSalt = 2,
    /// RTCP encryption key.
    RtcpKey = 3,
    /// RTCP authentication key.
    RtcpAuth = 4,
    /// RTCP salt.
    RtcpSalt = 5,
}

/// Derives session keys from one master key and salt.
pub struct Kdf {
    prf: AesCtr,
    /// The master salt, a 96-bit one padded to 112 bits on the right, and two bytes of block counter.
    salt: [u8; 16],
}

impl Kdf {
    /// `None` if the key is neither 16 nor 32 bytes or the salt longer than 14.
    pub fn new(master_key: &[u8], master_salt: &[u8]) -> Option<Self> {
        let mut salt = [0; 16];
        salt[..14].get_mut(..master_salt.len())?.copy_from_slice(master_salt);
        Some(Self { prf: AesCtr::new(master_key)?, salt })
    }

    /// Fills `out` with the key of this label.
    pub fn derive(&self, label: Label, out: &mut [u8]) -> Option<()> {
        let mut counter = self.salt;
        counter[7] ^= label as u8;
        out.fill(0);
        self.prf.apply(counter, out).then_some(())
    }

    /// The key of this label as an array.
    pub fn array<const N: usize>(&self, label: Label) -> Option<[u8; N]> {
        let mut out = [0; N];
        self.derive(label, &mut out)?;
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    /// RFC 3711 appendix B.3.
    #[test]
    fn derives_the_keys_of_the_rfc() {
        let key = bytes("e1f97a0d3e018be0d64fa32c06de4139");
        let salt = bytes("0ec675ad498afeebb6960b3aabe6");
        let kdf = Kdf::new(&key, &salt).unwrap();
        assert_eq!(kdf.array::<16>(Label::RtpKey).unwrap()[..], bytes("c61e7a93744f39ee10734afe3ff7a087"));
        assert_eq!(kdf.array::<14>(Label::RtpSalt).unwrap()[..], bytes("30cbbc08863d8c85d49db34a9ae1"));
        let auth = bytes("cebe321f6ff7716b6fd4ab49af256a156d38baa4");
        assert_eq!(kdf.array::<20>(Label::RtpAuth).unwrap()[..], auth);
    }
}
