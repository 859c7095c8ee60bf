//! Headers and extensions there and back.

use proptest::prelude::*;

use super::*;

fn packet(elements: &[(u8, Vec<u8>)], payload: &[u8]) -> Vec<u8> {
    let mut writer = ExtensionWriter::default();
    for (id, value) in elements {
        writer.add(*id, value);
    }
    let mut out = vec![0; FIXED_LEN + MAX_BLOCK_LEN + payload.len()];
    let numbers = crate::media::Numbers { seq: 7, timestamp: 8 };
    write_header(&mut out, !writer.is_empty(), true, 111, numbers, 9);
    let len = FIXED_LEN + writer.write(&mut out[FIXED_LEN..]);
    out.truncate(len);
    out.extend_from_slice(payload);
    out
}

#[test]
fn a_one_byte_block_is_used_when_it_can_hold_everything() {
    let bytes = packet(&[(1, vec![0x90]), (4, b"mid".to_vec())], b"x");
    assert_eq!(bytes[12..16], [0xbe, 0xde, 0, 2]);
    assert_eq!(bytes[16..24], [0x10, 0x90, 0x42, b'm', b'i', b'd', 0, 0]);
}

#[test]
fn broken_twins_of_a_good_header_are_refused() {
    let good = packet(&[(1, vec![1; 16])], b"payload");
    assert!(Header::parse(&good).is_some());
    assert!(Header::parse(&good[..11]).is_none());
    assert!(Header::parse(&good[..20]).is_none());
    let mut version = good.clone();
    version[0] = 0x50;
    assert!(Header::parse(&version).is_none());
    let mut csrc = good.clone();
    csrc[0] |= 15;
    assert!(Header::parse(&csrc).is_none());
    let mut extension = good;
    extension[15] = 200;
    assert!(Header::parse(&extension).is_none());
}

#[test]
fn padding_ends_the_payload() {
    let mut bytes = packet(&[], b"xy\0\0\x03");
    bytes[0] |= 0x20;
    let header = Header::parse(&bytes).unwrap();
    assert_eq!(header.payload_end(&bytes), Some(14));
    for padding in [0, 6] {
        *bytes.last_mut().unwrap() = padding;
        assert_eq!(header.payload_end(&bytes), None);
    }
}

#[test]
fn rtcp_is_told_from_rtp() {
    assert!(is_rtcp(&[0x80, 200]) && is_rtcp(&[0x81, 206]));
    assert!(!is_rtcp(&[0x80, 96]) && !is_rtcp(&[0x80, 96 | 0x80]) && !is_rtcp(&[0x80]));
}

proptest! {
    #[test]
    fn elements_come_back(elements in prop::collection::btree_map(1..=14_u8, prop::collection::vec(any::<u8>(), 1..20), 0..6)) {
        let elements: Vec<_> = elements.into_iter().collect();
        let bytes = packet(&elements, b"payload");
        let header = Header::parse(&bytes).unwrap();
        let read: Vec<_> = header.elements(&bytes).map(|(id, value)| (id, value.to_vec())).collect();
        prop_assert_eq!(read, elements);
        prop_assert_eq!(&bytes[header.len..], b"payload");
        prop_assert_eq!((header.marker, header.payload_type, header.seq, header.timestamp, header.ssrc), (true, 111, 7, 8, 9));
    }

    #[test]
    fn junk_never_panics(mut bytes: Vec<u8>) {
        if let Some(first) = bytes.first_mut() {
            *first = *first & 0x3f | 0x80;
        }
        if let Some(header) = Header::parse(&bytes) {
            prop_assert!(header.len <= bytes.len());
            let _ = header.elements(&bytes).count();
            let _ = header.payload_end(&bytes);
        }
    }
}
