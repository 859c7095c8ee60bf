//! All profiles through sender and receiver.

use proptest::prelude::*;

use super::*;

const PROFILES: [Profile; 3] = [Profile::Aes128CmSha1_80, Profile::AeadAes128Gcm, Profile::AeadAes256Gcm];

fn pair(profile: Profile) -> (Sender, Receiver) {
    let make = || cipher(profile, &vec![7; profile.key_len()], &vec![9; profile.salt_len()]).unwrap();
    (Sender::new(make()), Receiver::new(make()))
}

fn sealed(sender: &Sender, ssrc: u32, index: u64, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; 12 + payload.len() + sender.cipher().rtp_overhead()];
    let numbers = crate::media::Numbers { seq: index, timestamp: 0 };
    crate::rtp::write_header(&mut packet, false, false, 96, numbers, ssrc);
    assert!(sender.cipher().seal_rtp(ssrc, index, 12, payload, &mut packet));
    packet
}

#[test]
fn a_sequence_number_that_wraps_rolls_the_counter_over() {
    for profile in PROFILES {
        let (sender, mut receiver) = pair(profile);
        for index in [65_534_u64, 65_536, 65_535, 65_537, 90_000] {
            let mut packet = sealed(&sender, 5, index, b"payload");
            let opened = receiver.open_rtp(5, index as u16, 12, &mut packet).unwrap();
            assert_eq!(opened, Opened { len: 12 + 7, index });
            assert_eq!(&packet[12..19], b"payload");
        }
    }
}

#[test]
fn a_replayed_or_changed_packet_is_refused() {
    for profile in PROFILES {
        let (sender, mut receiver) = pair(profile);
        let packet = sealed(&sender, 5, 100, b"payload");
        assert!(receiver.open_rtp(5, 100, 12, &mut packet.clone()).is_ok());
        assert_eq!(receiver.open_rtp(5, 100, 12, &mut packet.clone()), Err(Refusal::Replayed));
        for at in [0, 13, packet.len() - 1] {
            let mut packet = sealed(&sender, 5, 101, b"payload");
            packet[at] ^= 1;
            assert_eq!(receiver.open_rtp(5, 101, 12, &mut packet), Err(Refusal::NotAuthentic));
        }
        assert_eq!(receiver.open_rtp(5, 101, 12, &mut [0; 13]), Err(Refusal::NotAuthentic));
    }
}

#[test]
fn rtcp_is_opened_once() {
    for profile in PROFILES {
        let (mut sender, mut receiver) = pair(profile);
        let plain = [0x80, 201, 0, 1, 0, 0, 0, 9];
        let mut packet = plain.to_vec();
        packet.resize(8 + sender.cipher().rtcp_overhead(), 0);
        assert!(sender.seal_rtcp(&mut packet));
        assert_eq!(receiver.open_rtcp(&mut packet.clone()), Ok(8));
        assert_eq!(receiver.open_rtcp(&mut packet.clone()), Err(Refusal::Replayed));
        packet[9] ^= 1;
        assert_eq!(receiver.open_rtcp(&mut packet), Err(Refusal::NotAuthentic));
    }
}

#[test]
fn the_last_rtcp_index_is_used_once() {
    let (mut sender, _) = pair(Profile::AeadAes128Gcm);
    sender.rtcp_index = LAST_RTCP_INDEX - 1;
    let mut packet = vec![0x80; 8 + sender.cipher().rtcp_overhead()];
    assert!(sender.seal_rtcp(&mut packet));
    assert!(!sender.seal_rtcp(&mut packet));
}

#[test]
fn a_stream_whose_first_packets_were_lost_over_the_wrap_is_heard() {
    for profile in PROFILES {
        let (sender, mut receiver) = pair(profile);
        for (ssrc, index) in [(5, 65_536 + 2), (5, 65_536 + 3), (6, 3), (5, 65_535)] {
            let mut packet = sealed(&sender, ssrc, index, b"payload");
            let opened = receiver.open_rtp(ssrc, index as u16, 12, &mut packet);
            assert_eq!(opened, Ok(Opened { len: 12 + 7, index }));
            assert_eq!(&packet[12..19], b"payload");
        }
    }
}

#[test]
fn streams_are_bounded_by_use_and_junk_makes_none() {
    let (sender, mut receiver) = pair(Profile::AeadAes128Gcm);
    for ssrc in 0..MAX as u32 {
        assert_eq!(receiver.open_rtp(ssrc + 1000, 1, 12, &mut [0; 60]), Err(Refusal::NotAuthentic));
        assert!(receiver.open_rtp(ssrc, 1, 12, &mut sealed(&sender, ssrc, 1, b"x")).is_ok());
    }
    let mut first_again = || receiver.open_rtp(0, 1, 12, &mut sealed(&sender, 0, 1, b"x"));
    assert_eq!(first_again(), Err(Refusal::Replayed), "it has its state");
    for ssrc in 10_000..10_000 + MAX as u32 {
        assert!(receiver.open_rtp(ssrc, 1, 12, &mut sealed(&sender, ssrc, 1, b"x")).is_ok());
        // A stream that goes on is never the one that makes way.
        let index = u64::from(ssrc);
        assert!(receiver.open_rtp(0, index as u16, 12, &mut sealed(&sender, 0, index, b"x")).is_ok());
    }
    let replayed = receiver.open_rtp(0, 10_000, 12, &mut sealed(&sender, 0, 10_000, b"x"));
    assert_eq!(replayed, Err(Refusal::Replayed));
}

const MAX: usize = super::receiver::MAX_STREAMS;

proptest! {
    #[test]
    fn any_payload_returns(profile in 0..3_usize, ssrc: u32, index in 0..1_u64 << 20, payload: Vec<u8>) {
        let (sender, _) = pair(PROFILES[profile]);
        let mut packet = sealed(&sender, ssrc, index, &payload);
        let len = sender.cipher().open_rtp(ssrc, index, 12, &mut packet).unwrap();
        prop_assert_eq!(&packet[12..len], &payload[..]);
    }
}
