//! What a publisher is told about the arrival of its packets.

use super::*;

#[test]
fn arrivals_are_told_of_each_m_line_by_its_own_extension_id() {
    let mut world = World::new();
    world.connect(PUBLISHER);
    for (track, ssrc, payload_type, id) in [(10, 77, 96, 5_u8), (11, 78, 111, 3)] {
        world.apply(Command::AddTrack(TrackConfig {
            transport: PUBLISHER,
            track,
            kind: MediaKind::Audio,
            mid: None,
            ssrcs: vec![ssrc],
            payloads: vec![Payload { payload_type, codec: Codec::Other, clock_rate: 48_000, rtx: None }],
            extensions: vec![(crate::extensions::TRANSPORT_CC.to_owned(), id)],
        }));
    }
    for number in 0..10_u64 {
        let (ssrc, payload_type, id) = if number % 2 == 0 { (77, 96, 5) } else { (78, 111, 3) };
        let extension = [0xbe, 0xde, 0, 1, id << 4 | 1, 0, number as u8, 0];
        let mut packet = vec![0; 12 + 8 + 5 + 16];
        write_header(&mut packet, true, false, payload_type, Numbers { seq: 1 + number / 2, timestamp: 0 }, ssrc);
        packet[12..20].copy_from_slice(&extension);
        assert!(key().seal_rtp(ssrc, 1 + number / 2, 20, b"sound", &mut packet));
        world.handle(path(PUBLISHER), packet);
    }
    world.pass(100_000);
    let told = world.compounds[&PUBLISHER].iter().find_map(|bytes| {
        let at = bytes.windows(2).position(|pair| pair == [0x8f, 205])?;
        Some((bytes[at + 12..at + 16].to_vec(), bytes[at + 20..at + 22].to_vec()))
    });
    let (base_and_count, chunk) = told.expect("feedback");
    assert_eq!(base_and_count, [0, 0, 0, 10]);
    assert_eq!(chunk[0] & 0xe0, 0x20, "a run of packets that all came");
}
