//! What is built is read, and what is broken is not.

use proptest::prelude::*;

use super::*;

fn block(ssrc: u32) -> ReportBlock {
    ReportBlock {
        ssrc,
        fraction_lost: 3,
        cumulative_lost: 70_000,
        highest_seq: 1 << 17,
        jitter: 5,
        last_sr: 6,
        delay_since_last_sr: 7,
    }
}

#[test]
fn a_compound_comes_back_packet_by_packet() {
    let mut compound = Compound::default();
    compound.sender_report(1, 2 << 32 | 3, 4, 5, 6);
    compound.cname(1, "name");
    compound.receiver_report(1, &[block(8), block(9)]);
    compound.picture_loss(1, 7);
    compound.remb(1, 3_000_000, &[7]);
    compound.goodbye(7);
    let packets: Vec<_> = Packets::new(compound.bytes()).collect();
    assert_eq!(packets.len(), 6);
    let [sr, sdes, rr, pli, remb, bye]: [Packet<'_>; 6] = packets.try_into().unwrap();
    assert!(matches!(sr, Packet::SenderReport { ssrc: 1, ntp: 0x2_0000_0003, timestamp: 4, .. }));
    assert!(matches!((sdes, remb), (Packet::Other, Packet::Other)));
    let Packet::ReceiverReport { reports } = rr else { panic!("{rr:?}") };
    assert_eq!(reports.collect::<Vec<_>>(), [block(8), block(9)]);
    assert!(matches!(pli, Packet::PictureLoss { ssrc: 7 }));
    assert!(matches!(bye, Packet::Goodbye { .. }));
}

#[test]
fn remb_is_exponent_and_mantissa() {
    let mut compound = Compound::default();
    compound.remb(1, 3_000_000, &[0xaabb_ccdd]);
    let bytes = compound.bytes();
    assert_eq!(bytes[12..17], *b"REMB\x01");
    let value = u32::from_be_bytes(bytes[16..20].try_into().unwrap());
    let (exponent, mantissa) = (value >> 18 & 0x3f, u64::from(value & 0x3_ffff));
    assert_eq!(mantissa << exponent, 3_000_000);
}

#[test]
fn a_length_beyond_the_end_ends_the_compound() {
    let mut compound = Compound::default();
    compound.picture_loss(1, 7);
    compound.picture_loss(1, 8);
    let cut = &compound.bytes()[..20];
    assert_eq!(Packets::new(cut).count(), 1);
}

#[test]
fn a_report_that_counts_more_blocks_than_it_has_is_skipped() {
    let mut compound = Compound::default();
    compound.receiver_report(1, &[block(8)]);
    let mut bytes = compound.bytes().to_vec();
    bytes[0] = 0x82;
    assert!(matches!(Packets::new(&bytes).next(), Some(Packet::Other)));
}

/// Reads a feedback as a sender does: base, arrival of each described packet in ticks of 250 µs.
fn read_twcc(bytes: &[u8]) -> (u16, Vec<Option<i64>>) {
    let base = u16::from_be_bytes([bytes[12], bytes[13]]);
    let count = usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));
    let mut at = 20;
    let mut symbols = Vec::new();
    while symbols.len() < count {
        let chunk = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        at += 2;
        match chunk >> 14 {
            0 | 1 => symbols.extend(std::iter::repeat_n((chunk >> 13 & 3) as u8, usize::from(chunk & 0x1fff))),
            2 => symbols.extend((0..14).rev().map(|bit| (chunk >> bit & 1) as u8)),
            _ => symbols.extend((0..7).rev().map(|pair| (chunk >> (pair * 2) & 3) as u8)),
        }
    }
    symbols.truncate(count);
    let mut now = i64::from(u32::from_be_bytes([0, bytes[16], bytes[17], bytes[18]])) * 256;
    let read = |symbol: u8| {
        let (delta, len) = match symbol {
            0 => return None,
            1 => (i64::from(bytes[at]), 1),
            _ => (i64::from(i16::from_be_bytes([bytes[at], bytes[at + 1]])), 2),
        };
        at += len;
        now += delta;
        Some(now)
    };
    (base, symbols.into_iter().map(read).collect())
}

#[test]
fn feedback_describes_losses_between_feedbacks() {
    let mut log = ArrivalLog::default();
    let mut compound = Compound::default();
    for (seq, now_us) in [(65_534, 1_000_000), (0, 1_000_500), (1, 1_100_000)] {
        log.arrived(seq, now_us);
    }
    log.write(&mut compound, 1, 2);
    let (base, arrivals) = read_twcc(compound.bytes());
    assert_eq!((base, arrivals), (65_534, vec![Some(4000), None, Some(4002), Some(4400)]));
    compound.clear();
    log.arrived(4, 1_200_000);
    log.arrived(0, 1_200_000); // told already
    log.write(&mut compound, 1, 2);
    let (base, arrivals) = read_twcc(compound.bytes());
    assert_eq!((base, arrivals), (2, vec![None, None, Some(4800)]));
    assert!(log.is_empty());
}

proptest! {
    #[test]
    fn nack_comes_back(lost in prop::collection::btree_set(0..2000_u16, 1..100), shift: u16) {
        let lost: Vec<u16> = lost.into_iter().map(|seq| seq.wrapping_add(shift)).collect();
        let mut compound = Compound::default();
        compound.nack(1, 2, &lost);
        let Some(Packet::Nack { ssrc: 2, lost: read }) = Packets::new(compound.bytes()).next() else {
            panic!("not a NACK")
        };
        prop_assert_eq!(read.collect::<Vec<_>>(), lost);
    }

    #[test]
    fn every_arrival_is_told_once_and_in_time(steps in prop::collection::vec((1..20_u64, -9_000..90_000_i64), 1..1500)) {
        let mut log = ArrivalLog::default();
        let (mut seq, mut now_us) = (65_000, 10_000_000_u64);
        let mut sent = Vec::new();
        for (seq_step, us_step) in steps {
            seq += seq_step;
            now_us = now_us.saturating_add_signed(us_step);
            sent.push((seq as u16, now_us as i64 / 250));
            log.arrived(seq as u16, now_us);
        }
        let mut told = Vec::new();
        while !log.is_empty() {
            let mut compound = Compound::default();
            log.write(&mut compound, 1, 2);
            prop_assert!(compound.bytes().len() < 1200);
            let (base, arrivals) = read_twcc(compound.bytes());
            let numbered = arrivals.into_iter().enumerate();
            told.extend(numbered.filter_map(|(i, at)| Some((base.wrapping_add(i as u16), at?))));
        }
        prop_assert_eq!(told.len(), sent.len());
        for ((seq, at), (sent_seq, sent_at)) in told.into_iter().zip(sent) {
            prop_assert_eq!(seq, sent_seq);
            prop_assert!((at - sent_at).abs() <= 1, "{} {}", at, sent_at);
        }
    }

    #[test]
    fn junk_never_panics(mut bytes: Vec<u8>, packet_type in 200..207_u8) {
        if bytes.len() >= 4 {
            bytes[0] = bytes[0] & 0x3f | 0x80;
            bytes[1] = packet_type;
            bytes[2] = 0;
        }
        for packet in Packets::new(&bytes) {
            match packet {
                Packet::Nack { lost, .. } => drop(lost.count()),
                Packet::SenderReport { reports, .. } | Packet::ReceiverReport { reports } => drop(reports.count()),
                Packet::Goodbye { ssrcs } | Packet::FullIntra { ssrcs } => drop(ssrcs.count()),
                Packet::PictureLoss { .. } | Packet::Other => {}
            }
        }
    }
}
