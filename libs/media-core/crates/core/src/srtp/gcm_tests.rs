//! The vectors of RFC 7714 §16 and §17, whose keys are session keys.

use super::*;

const KEY: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
const SALT: &[u8; 12] = b"Quid pro quo";

fn cipher(key: &[u8]) -> Gcm {
    let algorithm = if key.len() == 16 { &AES_128_GCM } else { &AES_256_GCM };
    let make = || LessSafeKey::new(UnboundKey::new(algorithm, key).unwrap());
    Gcm { rtp: make(), rtcp: make(), rtp_salt: *SALT, rtcp_salt: *SALT }
}

fn bytes(hex: &str) -> Vec<u8> {
    let hex: String = hex.split_whitespace().collect();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

const PLAIN: &str = "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465
    73207472 6573";

#[test]
fn seals_and_opens_the_rtp_packet_of_section_16_1() {
    let sealed = bytes(
        "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf
        8833899d 7f27beb1 6a9152cf 765ee439 0cce",
    );
    let plain = bytes(PLAIN);
    let mut out = plain.clone();
    out.resize(plain.len() + 16, 0);
    let (ssrc, index) = (0x5501_a0b2, 0xf17b);
    assert!(cipher(&KEY).seal_rtp(ssrc, index, 12, &plain[12..], &mut out));
    assert_eq!(out, sealed);
    assert_eq!(cipher(&KEY).open_rtp(ssrc, index, 12, &mut out), Some(plain.len()));
    assert_eq!(out[..plain.len()], plain);
}

#[test]
fn seals_the_rtcp_packet_of_section_17_1() {
    let plain = bytes(
        "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef
        deadbeef deadbeef",
    );
    let sealed = bytes(
        "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda
        4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
    );
    let mut out = plain.clone();
    out.resize(plain.len() + 20, 0);
    assert!(cipher(&KEY).seal_rtcp(0x4d61_7273, 0x5d4, &mut out));
    assert_eq!(out, sealed);
    assert_eq!(cipher(&KEY).open_rtcp(&mut out), Some((plain.len(), 0x5d4)));
    assert_eq!(out[..plain.len()], plain);
}
