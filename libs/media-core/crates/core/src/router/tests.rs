//! A router with peers whose time and packets the test holds in its hands.

use std::collections::HashMap;
use std::net::SocketAddr;

use proptest::prelude::*;

mod quality;

use super::*;
use crate::command::{Codec, Command, MediaKind, Payload, SinkConfig, SinkPayload, TrackConfig};
use crate::crypto::HmacSha1;
use crate::ice::Credentials;
use crate::media::Numbers;
use crate::rtcp::Packets;
use crate::rtp::{Header, write_header};
use crate::srtp::{PacketCipher, Profile, Receiver, Sender, cipher};
use crate::stun::{Builder, Kind, Message};

mod arrivals;
mod backlog;
mod bad_line;
mod late_keyframes;
mod limits;
mod paths;
mod replaced_publisher;

const PUBLISHER: u64 = 1;
const TRACK: u64 = 10;
const SOURCE: u32 = 77;

struct World {
    router: Router,
    egress: Egress,
    now_us: u64,
    /// What each peer got, decrypted: header and payload, or a compound.
    received: HashMap<u64, Vec<(Header, Vec<u8>)>>,
    compounds: HashMap<u64, Vec<Vec<u8>>>,
    receivers: HashMap<u64, Receiver>,
    senders: HashMap<u64, Sender>,
    /// Datagrams as they left.
    raw: Vec<Vec<u8>>,
    /// Addresses at which checks are answered, by which peer.
    present: HashMap<SocketAddr, u64>,
    /// Bytes that went to each address.
    sent: HashMap<SocketAddr, usize>,
}

fn key() -> Box<dyn PacketCipher> {
    cipher(Profile::AeadAes128Gcm, &[1; 16], &[2; 12]).unwrap()
}

fn path(peer: u64) -> Path {
    Path { via: 0, remote: SocketAddr::from(([10, 0, (peer >> 8) as u8, peer as u8], 5000)) }
}

fn credentials(peer: u64) -> Credentials {
    Credentials {
        local_ufrag: format!("l{peer}"),
        local_pwd: "pwd".to_owned(),
        remote_ufrag: "r".to_owned(),
        remote_pwd: format!("pwd of {peer}"),
    }
}

fn check(peer: u64) -> Vec<u8> {
    Builder::request(&[3; 12], &format!("l{peer}:r"), 1, true).finish(&HmacSha1::new(b"pwd"))
}

impl World {
    fn new() -> Self {
        Self {
            router: Router::new(1, Limits::default()),
            egress: Egress::default(),
            now_us: 1_000_000,
            received: HashMap::new(),
            compounds: HashMap::new(),
            receivers: HashMap::new(),
            senders: HashMap::new(),
            raw: Vec::new(),
            present: HashMap::new(),
            sent: HashMap::new(),
        }
    }

    /// A publisher of VP8 and these players of it.
    fn call(players: impl IntoIterator<Item = u64>) -> Self {
        let mut world = Self::new();
        world.connect(PUBLISHER);
        world.add_track();
        for player in players {
            world.connect(player);
            world.add_sink(player);
        }
        world.raw.clear();
        world
    }

    fn apply(&mut self, command: Command) {
        self.router.apply(self.now_us, command, &mut self.egress);
        self.deliver();
    }

    fn handle(&mut self, path: Path, mut datagram: Vec<u8>) {
        self.router.handle_datagram(self.now_us, path, &mut datagram, &mut self.egress);
        self.deliver();
    }

    fn connect(&mut self, peer: u64) {
        let consent_timeout_us = 30_000_000;
        self.apply(Command::AddTransport { transport: peer, credentials: credentials(peer), consent_timeout_us });
        self.present.insert(path(peer).remote, peer);
        self.handle(path(peer), check(peer));
        self.apply(Command::InstallSrtp { transport: peer, rx: key(), tx: key() });
        self.receivers.insert(peer, Receiver::new(key()));
        self.senders.insert(peer, Sender::new(key()));
    }

    fn add_track(&mut self) {
        self.apply(Command::AddTrack(TrackConfig {
            transport: PUBLISHER,
            track: TRACK,
            kind: MediaKind::Video,
            mid: None,
            ssrcs: vec![],
            payloads: vec![Payload { payload_type: 96, codec: Codec::Vp8, clock_rate: 90_000, rtx: Some(97) }],
            extensions: vec![],
        }));
    }

    fn add_sink(&mut self, player: u64) {
        self.apply(Command::AddSink(SinkConfig {
            sink: player,
            track: TRACK,
            transport: player,
            ssrc: 1000,
            rtx_ssrc: None,
            payloads: vec![SinkPayload { from: 96, to: 100, rtx: None }],
            extensions: vec![],
            mid: None,
        }));
    }

    fn send(&mut self, ssrc: u32, payload_type: u8, index: u64, payload: &[u8]) {
        let mut packet = vec![0; 12 + payload.len() + 16];
        let numbers = Numbers { seq: index, timestamp: index as u32 * 3000 };
        write_header(&mut packet, false, true, payload_type, numbers, ssrc);
        assert!(key().seal_rtp(ssrc, index, 12, payload, &mut packet));
        self.handle(path(PUBLISHER), packet);
    }

    fn video(&mut self, index: u64, keyframe: bool) {
        self.send(SOURCE, 96, index, &[&[0x10, u8::from(!keyframe)][..], &index.to_be_bytes()].concat());
    }

    fn send_rtcp(&mut self, peer: u64, compound: &Compound) {
        let mut packet = compound.bytes().to_vec();
        packet.resize(packet.len() + 20, 0);
        assert!(self.senders.get_mut(&peer).unwrap().seal_rtcp(&mut packet));
        self.handle(path(peer), packet);
    }

    fn pass(&mut self, us: u64) {
        let until = self.now_us + us;
        while self.now_us < until {
            self.now_us = until.min(self.router.poll_timeout().max(self.now_us + 1));
            self.router.handle_timeout(self.now_us, &mut self.egress);
            self.deliver();
        }
    }

    /// Forwards and hands everything to the peers it is for.
    fn deliver(&mut self) {
        loop {
            let more = self.router.forward(self.now_us, &mut self.egress);
            let mut answers = Vec::new();
            for packet in self.egress.packets() {
                let octets = match packet.path.remote.ip() {
                    std::net::IpAddr::V4(ip) => ip.octets(),
                    std::net::IpAddr::V6(_) => unreachable!(),
                };
                let peer = u64::from(octets[2]) << 8 | u64::from(octets[3]);
                let mut bytes = self.egress.bytes(packet).to_vec();
                *self.sent.entry(packet.path.remote).or_default() += bytes.len();
                self.raw.push(bytes.clone());
                answers.extend(self.answer(packet.path, &bytes).map(|answer| (packet.path, answer)));
                let Some(receiver) = self.receivers.get_mut(&peer).filter(|_| bytes[0] & 0x80 != 0) else { continue };
                if rtp::is_rtcp(&bytes) {
                    let len = receiver.open_rtcp(&mut bytes).unwrap();
                    self.compounds.entry(peer).or_default().push(bytes[..len].to_vec());
                } else {
                    let header = Header::parse(&bytes).unwrap();
                    // A packet that is repeated bit for bit is refused here, as any receiver does.
                    if let Ok(opened) = receiver.open_rtp(header.ssrc, header.seq, header.len, &mut bytes) {
                        let payload = bytes[header.len..opened.len].to_vec();
                        self.received.entry(peer).or_default().push((header, payload));
                    }
                }
            }
            self.egress.clear();
            let answered = !answers.is_empty();
            for (path, mut answer) in answers {
                self.router.handle_datagram(self.now_us, path, &mut answer, &mut self.egress);
            }
            if !more && !answered {
                return;
            }
        }
    }

    /// What whoever is at the address answers to a check of the router.
    fn answer(&self, path: Path, datagram: &[u8]) -> Option<Vec<u8>> {
        let check = Message::parse(datagram).filter(|message| message.kind == Kind::Request)?;
        let key = HmacSha1::new(format!("pwd of {}", self.present.get(&path.remote)?).as_bytes());
        check.authentic(&key).then(|| Builder::success(&check.transaction, path.remote).finish(&key))
    }

    /// The player's sequence number and the publisher's index of each packet that came.
    fn numbers(&self, player: u64) -> Vec<(u16, u64)> {
        let packets = self.received.get(&player).map_or(&[][..], |packets| &packets[..]);
        let index = |payload: &[u8]| u64::from_be_bytes(payload[2..10].try_into().unwrap());
        packets.iter().map(|(header, payload)| (header.seq, index(payload))).collect()
    }

    fn count(&self, peer: u64, kind: fn(&crate::rtcp::Packet<'_>) -> bool) -> usize {
        let compounds = self.compounds.get(&peer).map_or(&[][..], |compounds| &compounds[..]);
        compounds.iter().map(|bytes| Packets::new(bytes).filter(kind).count()).sum()
    }
}

fn picture_loss(packet: &crate::rtcp::Packet<'_>) -> bool {
    matches!(packet, crate::rtcp::Packet::PictureLoss { ssrc: SOURCE })
}

#[test]
fn more_players_than_the_slab_holds_each_get_each_packet_once() {
    let players = 2..1300;
    let mut world = World::call(players.clone());
    for index in 100..103_u64 {
        // Large enough that the slab fills before all were served.
        let payload = [&[0x10, 0x00][..], &index.to_be_bytes(), &[0; 1200]].concat();
        world.send(SOURCE, 96, index, &payload);
    }
    for player in players {
        let indexes: Vec<u64> = world.numbers(player).into_iter().map(|(_, index)| index).collect();
        assert_eq!(indexes, [100, 101, 102]);
    }
}

#[test]
fn a_packet_repeated_without_rtx_is_the_same_bit_for_bit() {
    let mut world = World::call([2]);
    for index in 100..110 {
        world.video(index, true);
    }
    let first = world.raw[4].clone();
    let seq = Header::parse(&first).unwrap().seq;
    world.raw.clear();
    let mut compound = Compound::default();
    compound.nack(1, 1000, &[seq]);
    world.send_rtcp(2, &compound);
    assert_eq!(world.raw, [first]);
}

#[test]
fn a_repair_takes_the_place_of_the_lost_packet() {
    let mut world = World::call([2]);
    for index in [100, 101, 103] {
        world.video(index, true);
    }
    world.pass(20_000);
    assert_eq!(world.count(PUBLISHER, |packet| matches!(packet, crate::rtcp::Packet::Nack { ssrc: SOURCE, .. })), 1);
    world.send(78, 97, 5, &[&102_u16.to_be_bytes()[..], &[0x10, 0x00], &102_u64.to_be_bytes()].concat());
    // The original comes after all: it is the second of its kind.
    world.video(102, true);
    let numbers = world.numbers(2);
    let first = numbers[0].0;
    let expected: Vec<_> = [100, 101, 103, 102].map(|index| (first + (index - 100) as u16, index)).to_vec();
    assert_eq!(numbers, expected);
}

#[test]
fn a_source_that_changes_its_ssrc_is_followed_after_a_silence() {
    let mut world = World::call([2]);
    world.video(100, true);
    world.send(SOURCE + 1, 96, 9000, &[&[0x10, 0x00][..], &9000_u64.to_be_bytes()].concat());
    assert_eq!(world.numbers(2).len(), 1, "the known source is alive");
    world.pass(600_000);
    world.send(SOURCE + 1, 96, 9001, &[&[0x10, 0x00][..], &9001_u64.to_be_bytes()].concat());
    let numbers = world.numbers(2);
    assert_eq!(numbers[1], (numbers[0].0 + 1, 9001));
}

#[test]
fn a_player_whose_keys_come_late_asks_for_a_keyframe_then() {
    let mut world = World::call([]);
    world.video(100, true);
    world.pass(600_000);
    let transport = 2;
    world.apply(Command::AddTransport { transport, credentials: credentials(2), consent_timeout_us: 30_000_000 });
    world.add_sink(2);
    assert_eq!(world.count(PUBLISHER, picture_loss), 0, "a keyframe would come too early");
    world.present.insert(path(2).remote, 2);
    world.handle(path(2), check(2));
    world.receivers.insert(2, Receiver::new(key()));
    world.apply(Command::InstallSrtp { transport, rx: key(), tx: key() });
    assert_eq!(world.count(PUBLISHER, picture_loss), 1);
    world.video(101, false);
    world.video(102, true);
    assert_eq!(world.numbers(2).len(), 1);
}

#[test]
fn a_player_that_joins_right_after_a_keyframe_starts_with_it() {
    let mut world = World::call([2]);
    world.pass(1_000_000);
    for (index, keyframe) in [(100, false), (101, true), (102, false)] {
        world.video(index, keyframe);
    }
    let asked = world.count(PUBLISHER, picture_loss);
    world.connect(3);
    world.add_sink(3);
    world.video(103, false);
    let indexes: Vec<u64> = world.numbers(3).into_iter().map(|(_, index)| index).collect();
    assert_eq!(indexes, [101, 102, 103]);
    assert_eq!(world.count(PUBLISHER, picture_loss), asked);
}

#[test]
fn new_keys_begin_the_publishers_indexes_anew_and_the_players_go_on() {
    let mut world = World::call([2]);
    world.video(60_000, true);
    world.apply(Command::InstallSrtp { transport: PUBLISHER, rx: key(), tx: key() });
    world.receivers.insert(PUBLISHER, Receiver::new(key()));
    world.video(5, true);
    let numbers = world.numbers(2);
    assert_eq!(numbers, [(numbers[0].0, 60_000), (numbers[0].0 + 1, 5)]);
}

#[test]
fn every_track_is_reported_however_many_there_are() {
    let mut world = World::call([]);
    let more = 11..60_u32;
    for ssrc in more.clone() {
        world.apply(Command::AddTrack(TrackConfig {
            transport: PUBLISHER,
            track: u64::from(ssrc),
            kind: MediaKind::Audio,
            mid: None,
            ssrcs: vec![ssrc],
            payloads: vec![Payload { payload_type: 111, codec: Codec::Opus, clock_rate: 48_000, rtx: None }],
            extensions: vec![],
        }));
        world.send(ssrc, 111, 1, b"sound");
    }
    world.pass(1_100_000);
    let mut reported = Vec::new();
    for bytes in &world.compounds[&PUBLISHER] {
        assert!(bytes.len() < 1200);
        for packet in Packets::new(bytes) {
            if let crate::rtcp::Packet::ReceiverReport { reports } = packet {
                reported.extend(reports.map(|block| block.ssrc));
            }
        }
    }
    reported.sort_unstable();
    reported.dedup();
    assert_eq!(reported, more.collect::<Vec<_>>());
}

#[test]
fn a_removed_transport_leaves_nothing_behind() {
    let mut world = World::call([2, 3]);
    world.video(100, true);
    world.apply(Command::RemoveTransport(2));
    world.video(101, true);
    assert_eq!((world.numbers(2).len(), world.numbers(3).len()), (1, 2));
    world.apply(Command::RemoveTransport(PUBLISHER));
    world.apply(Command::RemoveTransport(3));
    let router = &world.router;
    assert!(router.transports.is_empty() && router.tracks.is_empty() && router.sinks.is_empty());
    assert!(router.by_path.is_empty() && router.by_ufrag.is_empty() && router.backlog.is_empty());
}

#[derive(Debug, Clone)]
enum Fate {
    Arrives,
    Lost,
    Twice,
    After(usize),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Arrives),
        1 => Just(Fate::Lost),
        1 => Just(Fate::Twice),
        2 => (1..30_usize).prop_map(Fate::After),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever the network does before the relay, a player sees each packet once, under numbers whose distances are
    /// those of the publisher's: no gap that is not a loss.
    #[test]
    fn any_loss_and_reorder_keeps_distances(fates in prop::collection::vec(fate(), 1..300), start in prop_oneof![1_u64..1000, 65_300_u64..65_450]) {
        let mut world = World::call([2]);
        let mut order: Vec<(usize, u64)> = Vec::new();
        for (i, fate) in fates.iter().enumerate() {
            let index = start + i as u64;
            match fate {
                Fate::Lost => {}
                Fate::Arrives => order.push((i, index)),
                Fate::Twice => order.extend([(i, index), (i + 2, index)]),
                Fate::After(late) => order.push((i + late, index)),
            }
        }
        order.sort_by_key(|(at, _)| *at);
        for (_, index) in &order {
            world.video(*index, true);
        }
        let numbers = world.numbers(2);
        let Some((first_seq, first_index)) = numbers.first().copied() else { return Ok(()) };
        let mut sent: Vec<u64> = order.into_iter().map(|(_, index)| index).filter(|index| *index >= first_index).collect();
        sent.sort_unstable();
        sent.dedup();
        let mut seen: Vec<u64> = numbers.iter().map(|(_, index)| *index).collect();
        seen.sort_unstable();
        prop_assert_eq!(seen, sent);
        for (seq, index) in numbers {
            prop_assert_eq!(u64::from(seq.wrapping_sub(first_seq)), index - first_index);
        }
    }

    /// A peer with valid keys may send anything.
    #[test]
    fn authentic_junk_never_panics(
        packets in prop::collection::vec((any::<bool>(), 0..128_u8, prop::collection::vec(any::<u8>(), 0..200)), 1..40),
    ) {
        let mut world = World::call([2]);
        world.video(1, true);
        for (i, (control, kind, body)) in packets.into_iter().enumerate() {
            if control {
                let mut packet = [&[0x80 | kind & 0x1f, 200 + kind % 7, 0, 0, 0, 0, 3, 0xe8][..], &body].concat();
                let words = (packet.len() / 4).saturating_sub(1) as u16;
                packet[2..4].copy_from_slice(&words.to_be_bytes());
                packet.resize(packet.len() + 20, 0);
                prop_assert!(world.senders.get_mut(&2).unwrap().seal_rtcp(&mut packet));
                world.handle(path(2), packet);
            } else {
                let mut packet = [&[0x80 | kind & 0x30, 96 + (kind & 1)][..], &[0; 10], &body].concat();
                packet[2..4].copy_from_slice(&(i as u16 + 2).to_be_bytes());
                packet[8..12].copy_from_slice(&(SOURCE + u32::from(kind & 1)).to_be_bytes());
                if let Some(header) = Header::parse(&packet) {
                    let payload = packet[header.len..].to_vec();
                    packet.resize(packet.len() + 16, 0);
                    prop_assert!(key().seal_rtp(header.ssrc, i as u64 + 2, header.len, &payload, &mut packet));
                    world.handle(path(PUBLISHER), packet);
                }
            }
            world.pass(15_000);
        }
    }
}

#[test]
fn the_flight_recorder_tells_what_became_of_each_packet() {
    let mut world = World::call([2]);
    world.video(1, true);
    world.video(2, false);
    world.video(4, false);
    world.apply(Command::PauseSink { sink: 2, paused: true });
    world.video(5, false);
    let told = |world: &World, transport| {
        let records = world.router.flight(transport, world.now_us).unwrap();
        records
            .iter()
            .map(|record| (format!("{:?}", record.decision), record.medium, record.packets))
            .collect::<Vec<_>>()
    };
    let publisher = told(&world, PUBLISHER);
    assert!(publisher.contains(&("Received".to_owned(), TRACK, 2)), "{publisher:?}");
    let player = told(&world, 2);
    let fates: Vec<_> = player.iter().map(|(what, sink, packets)| (what.as_str(), *sink, *packets)).collect();
    assert_eq!(fates, [("Forwarded", 2, 2), ("Forwarded", 2, 1), ("Paused", 2, 1)]);
    assert!(world.router.flight(9, world.now_us).is_none());
}
