//! A fan-out that takes longer than its packets do to come.

use super::*;

const NEIGHBOUR: u64 = 4000;
const THEIR_TRACK: u64 = 4001;
const THEIR_PLAYER: u64 = 4002;

/// A stream with so many players that one packet fills the egress, and a call of two others.
fn crowd_and_neighbour(players: std::ops::Range<u64>) -> World {
    let mut world = World::call(players);
    world.connect(NEIGHBOUR);
    world.apply(Command::AddTrack(TrackConfig {
        transport: NEIGHBOUR,
        track: THEIR_TRACK,
        kind: MediaKind::Video,
        mid: None,
        ssrcs: vec![],
        payloads: vec![Payload { payload_type: 96, codec: Codec::Vp8, clock_rate: 90_000, rtx: None }],
        extensions: vec![],
    }));
    world.connect(THEIR_PLAYER);
    world.apply(Command::AddSink(SinkConfig {
        sink: THEIR_PLAYER,
        track: THEIR_TRACK,
        transport: THEIR_PLAYER,
        ssrc: 1000,
        rtx_ssrc: None,
        payloads: vec![SinkPayload { from: 96, to: 100, rtx: None }],
        extensions: vec![],
        mid: None,
    }));
    world
}

/// A keyframe of a publisher that is received and not yet forwarded.
fn receive(world: &mut World, publisher: u64, index: u64) {
    let payload = [&[0x10, 0x00][..], &index.to_be_bytes(), &[0; 1200]].concat();
    let mut packet = vec![0; 12 + payload.len() + 16];
    let numbers = Numbers { seq: index, timestamp: index as u32 * 3000 };
    write_header(&mut packet, false, true, 96, numbers, SOURCE);
    assert!(key().seal_rtp(SOURCE, index, 12, &payload, &mut packet));
    world.router.handle_datagram(world.now_us, path(publisher), &mut packet, &mut world.egress);
}

/// Where the packets of one full egress went.
fn flush(world: &mut World) -> Vec<SocketAddr> {
    assert!(world.router.forward(world.now_us, &mut world.egress), "the crowd is not served at once");
    let sent = world.egress.packets().iter().map(|packet| packet.path.remote).collect();
    world.egress.clear();
    sent
}

#[test]
fn a_track_that_is_behind_lets_a_neighbour_s_packets_go_first() {
    let mut world = crowd_and_neighbour(2..3000);
    receive(&mut world, PUBLISHER, 100);
    receive(&mut world, NEIGHBOUR, 100);
    assert!(!flush(&mut world).contains(&path(THEIR_PLAYER).remote));
    let second = flush(&mut world);
    assert_eq!(second[0], path(THEIR_PLAYER).remote);
    receive(&mut world, NEIGHBOUR, 101);
    world.deliver();
    assert_eq!(world.numbers(THEIR_PLAYER).last().map(|(_, index)| *index), Some(101));
}

#[test]
fn players_get_each_packet_once_and_in_order_though_more_came_meanwhile() {
    let players = 2..1300;
    let mut world = crowd_and_neighbour(players.clone());
    for index in 100..110 {
        receive(&mut world, PUBLISHER, index);
        // As much as one egress holds, and then the next datagram.
        let more = world.router.forward(world.now_us, &mut world.egress);
        assert!(more);
        hand_out(&mut world);
    }
    world.apply(Command::RemoveSink(2));
    world.deliver();
    for player in players.skip(1) {
        let indexes: Vec<u64> = world.numbers(player).into_iter().map(|(_, index)| index).collect();
        assert_eq!(indexes, (100..110).collect::<Vec<_>>(), "player {player}");
    }
}

#[test]
fn who_joins_while_others_are_served_gets_each_packet_once() {
    let mut world = crowd_and_neighbour(2..1300);
    world.connect(3500);
    receive(&mut world, PUBLISHER, 100);
    receive(&mut world, PUBLISHER, 101);
    assert!(world.router.forward(world.now_us, &mut world.egress));
    hand_out(&mut world);
    receive(&mut world, PUBLISHER, 102);
    world.add_sink(3500);
    world.deliver();
    for player in [2, 1299, 3500] {
        let indexes: Vec<u64> = world.numbers(player).into_iter().map(|(_, index)| index).collect();
        assert_eq!(indexes, [100, 101, 102], "player {player}");
    }
}

/// Gives the players what lies in the egress, without forwarding more.
fn hand_out(world: &mut World) {
    for packet in world.egress.packets().to_vec() {
        let mut bytes = world.egress.bytes(&packet).to_vec();
        let std::net::IpAddr::V4(ip) = packet.path.remote.ip() else { unreachable!() };
        let peer = u64::from(ip.octets()[2]) << 8 | u64::from(ip.octets()[3]);
        let Some(receiver) = world.receivers.get_mut(&peer).filter(|_| !rtp::is_rtcp(&bytes)) else { continue };
        let Some(header) = Header::parse(&bytes) else { continue };
        let opened = receiver.open_rtp(header.ssrc, header.seq, header.len, &mut bytes).unwrap();
        world.received.entry(peer).or_default().push((header, bytes[header.len..opened.len].to_vec()));
    }
    world.egress.clear();
}
