//! The vectors of RFC 5769, and round trips.

use proptest::prelude::*;

use super::*;

/// RFC 5769 §2.1.
const REQUEST: &[u8] = b"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
    \x80\x22\x00\x10STUN test client\
    \x00\x24\x00\x04\x6e\x00\x01\xff\
    \x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\
    \x00\x06\x00\x09evtj:h6vY\x20\x20\x20\
    \x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\
    \x80\x28\x00\x04\xe5\x7a\x3b\xcf";

/// RFC 5769 §2.2.
const RESPONSE_V4: &[u8] = b"\x01\x01\x00\x3c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
    \x80\x22\x00\x0btest vector\x20\
    \x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43\
    \x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7\
    \x80\x28\x00\x04\xc0\x7d\x4c\x96";

/// RFC 5769 §2.3.
const RESPONSE_V6: &[u8] = b"\x01\x01\x00\x48\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
    \x80\x22\x00\x0btest vector\x20\
    \x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9\
    \x00\x08\x00\x14\xa3\x82\x95\x4e\x4b\xe6\x7b\xf1\x17\x84\xc9\x7c\x82\x92\xc2\x75\xbf\xe3\xed\x41\
    \x80\x28\x00\x04\xc8\xfb\x0b\x4c";

fn password() -> HmacSha1 {
    HmacSha1::new(b"VOkJxbRl1RmTxUk/WvJxBt")
}

#[test]
fn reads_the_request_of_rfc_5769() {
    let message = Message::parse(REQUEST).unwrap();
    assert_eq!(message.kind, Kind::Request);
    assert_eq!(message.username, Some(&b"evtj:h6vY"[..]));
    assert_eq!(message.priority, Some(0x6e00_01ff));
    assert!(message.ice_controlled);
    assert!(message.authentic(&password()));
    assert!(!message.authentic(&HmacSha1::new(b"another")));
}

#[test]
fn reads_the_responses_of_rfc_5769() {
    for (bytes, address) in
        [(RESPONSE_V4, "192.0.2.1:32853"), (RESPONSE_V6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")]
    {
        let message = Message::parse(bytes).unwrap();
        assert_eq!(message.kind, Kind::Success);
        assert_eq!(message.mapped, Some(address.parse().unwrap()));
        assert!(message.authentic(&password()));
    }
}

#[test]
fn a_wrong_fingerprint_is_malformed() {
    let mut bytes = REQUEST.to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    assert!(Message::parse(&bytes).is_none());
}

#[test]
fn any_changed_bit_before_the_mac_is_noticed() {
    // Without FINGERPRINT, so that the MAC alone must notice; the length is what it then would be.
    let mut plain = REQUEST[..REQUEST.len() - 8].to_vec();
    plain[3] -= 8;
    assert!(Message::parse(&plain).unwrap().authentic(&password()));
    for bit in 0..(plain.len() - 24) * 8 {
        let mut bytes = plain.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(!Message::parse(&bytes).is_some_and(|message| message.authentic(&password())), "bit {bit}");
    }
}

proptest! {
    #[test]
    fn what_is_built_is_read(transaction: [u8; 12], ip: std::net::IpAddr, port: u16, priority: u32, nominate: bool) {
        let key = password();
        let request = Builder::request(&transaction, "left:right", priority, nominate).finish(&key);
        let message = Message::parse(&request).unwrap();
        prop_assert!(message.authentic(&key));
        prop_assert_eq!(message.transaction, transaction);
        prop_assert_eq!((message.priority, message.use_candidate), (Some(priority), nominate));
        let mapped = SocketAddr::new(ip, port);
        let response = Builder::success(&transaction, mapped).finish(&key);
        let message = Message::parse(&response).unwrap();
        prop_assert!(message.authentic(&key));
        prop_assert_eq!(message.mapped, Some(mapped));
    }

    #[test]
    fn junk_never_panics(mut bytes: Vec<u8>) {
        if let Some(first) = bytes.first_mut() {
            *first &= 3;
        }
        if bytes.len() >= 20 {
            let len = bytes.len() as u16 - 20;
            bytes[2..4].copy_from_slice(&len.to_be_bytes());
            bytes[4..8].copy_from_slice(&MAGIC.to_be_bytes());
        }
        if let Some(message) = Message::parse(&bytes) {
            let _ = message.authentic(&password());
        }
    }
}

#[test]
fn an_own_request_is_as_long_as_was_said() {
    for username in ["a:b", "abcd:efgh", "remote:local"] {
        let request = Builder::own_request(&[5; 12], username).finish(&HmacSha1::new(b"k"));
        assert_eq!(request.len(), own_request_len(username.len()));
        let message = Message::parse(&request).unwrap();
        assert!(message.ice_controlled && !message.ice_controlling && message.unknown().is_empty());
    }
}
