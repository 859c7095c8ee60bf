//! A call whose two lines lose 5 % and take 40 ± 10 ms each way, on a clock that the test holds: what a player gets, and when.
//!
//! Publisher and player do as browsers do: a lost packet is asked for as soon as a later one comes, and again each 100 ms.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::*;

const LOSS_PERCENT: u64 = 5;
const DELAY_US: u64 = 40_000;
const JITTER_US: u64 = 10_000;
const PLAYER: u64 = 2;
const STEP_US: u64 = 1_000;
const FRAME_EVERY_US: u64 = 33_000;
const PACKETS_OF_A_FRAME: u64 = 4;
const PACKETS_OF_A_KEYFRAME: u64 = 24;
const ASK_AGAIN_US: u64 = 100_000;
const LASTS_US: u64 = 10_000_000;
/// The line is good for so long, as a call begins before its line turns bad.
const CLEAN_US: u64 = 300_000;

enum Item {
    /// Publisher to relay: whether it is a repetition, the index, the payload.
    Media(bool, u64, Vec<u8>),
    /// Player to relay.
    Ask(Vec<u16>),
    /// Relay to player.
    Played(u16, Vec<u8>),
    /// Relay to publisher.
    Asked(Vec<u8>),
}

/// What is under way in all directions.
struct Lines {
    seed: u64,
    bad: bool,
    order: u64,
    due: BinaryHeap<Reverse<(u64, u64)>>,
    items: HashMap<u64, Item>,
}

impl Lines {
    fn draw(&mut self, below: u64) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % below
    }

    fn put(&mut self, now_us: u64, item: Item) {
        let (lost, spread_us) = (self.draw(100) < LOSS_PERCENT, self.draw(2 * JITTER_US));
        if self.bad && lost {
            return;
        }
        let due_us = now_us + if self.bad { DELAY_US - JITTER_US + spread_us } else { DELAY_US };
        self.order += 1;
        self.due.push(Reverse((due_us, self.order)));
        self.items.insert(self.order, item);
    }

    fn take(&mut self, now_us: u64) -> Option<Item> {
        let Reverse((due_us, order)) = *self.due.peek()?;
        (due_us <= now_us).then(|| self.due.pop())?;
        self.items.remove(&order)
    }
}

struct Call {
    world: World,
    lines: Lines,
    next_index: u64,
    next_repair: u64,
    sent: BTreeMap<u64, Vec<u8>>,
    /// When the publisher sent the last packet of each frame, and that packet.
    frames: Vec<(u64, u64)>,
    keyframe_wanted: bool,
    keyframes: u64,
    /// First number at the player, and when each packet came.
    first: Option<(u16, u64)>,
    came: BTreeMap<u64, u64>,
    missing: BTreeMap<u64, u64>,
}

impl Call {
    fn new(seed: u64) -> Self {
        let mut world = World::call([]);
        world.connect(PLAYER);
        world.apply(Command::AddSink(SinkConfig {
            sink: PLAYER,
            track: TRACK,
            transport: PLAYER,
            ssrc: 1000,
            rtx_ssrc: Some(1001),
            payloads: vec![SinkPayload { from: 96, to: 100, rtx: Some(101) }],
            extensions: vec![],
            mid: None,
        }));
        Self {
            world,
            lines: Lines { seed, bad: false, order: 0, due: BinaryHeap::new(), items: HashMap::new() },
            next_index: 100,
            next_repair: 1,
            sent: BTreeMap::new(),
            frames: Vec::new(),
            keyframe_wanted: true,
            keyframes: 0,
            first: None,
            came: BTreeMap::new(),
            missing: BTreeMap::new(),
        }
    }

    fn run(&mut self) {
        let until_us = self.world.now_us + LASTS_US;
        let bad_from_us = self.world.now_us + CLEAN_US;
        let mut frame_us = self.world.now_us;
        while self.world.now_us < until_us {
            if self.world.now_us >= frame_us {
                frame_us += FRAME_EVERY_US;
                self.publish_frame();
            }
            self.lines.bad = self.world.now_us >= bad_from_us;
            self.world.pass(STEP_US);
            self.carry();
            self.ask();
        }
    }

    fn publish_frame(&mut self) {
        let keyframe = std::mem::take(&mut self.keyframe_wanted);
        self.keyframes += u64::from(keyframe);
        for at in 0..if keyframe { PACKETS_OF_A_KEYFRAME } else { PACKETS_OF_A_FRAME } {
            let index = self.next_index;
            self.next_index += 1;
            let head = [if at == 0 { 0x10 } else { 0x00 }, u8::from(!keyframe)];
            let payload = [&head[..], &index.to_be_bytes(), &[0; 1000]].concat();
            self.sent.insert(index, payload.clone());
            self.lines.put(self.world.now_us, Item::Media(false, index, payload));
        }
        self.frames.push((self.world.now_us, self.next_index - 1));
    }

    fn carry(&mut self) {
        let now_us = self.world.now_us;
        while let Some(item) = self.lines.take(now_us) {
            match item {
                Item::Media(false, index, payload) => self.world.send(SOURCE, 96, index, &payload),
                Item::Media(true, index, payload) => self.world.send(SOURCE + 1, 97, index, &payload),
                Item::Ask(lost) => {
                    let mut compound = Compound::default();
                    compound.receiver_report(1, &[]);
                    compound.nack(1, 1000, &lost);
                    self.world.send_rtcp(PLAYER, &compound);
                }
                Item::Played(seq, payload) => self.play(seq, &payload),
                Item::Asked(compound) => self.answer(&compound),
            }
        }
        for (header, payload) in self.world.received.remove(&PLAYER).unwrap_or_default() {
            let (seq, payload) = match header.ssrc {
                1000 => (header.seq, &payload[..]),
                _ => (u16::from_be_bytes([payload[0], payload[1]]), &payload[2..]),
            };
            self.lines.put(now_us, Item::Played(seq, payload.to_vec()));
        }
        for compound in self.world.compounds.remove(&PUBLISHER).unwrap_or_default() {
            self.lines.put(now_us, Item::Asked(compound));
        }
    }

    fn answer(&mut self, compound: &[u8]) {
        for packet in Packets::new(compound) {
            match packet {
                crate::rtcp::Packet::PictureLoss { .. } => self.keyframe_wanted = true,
                crate::rtcp::Packet::Nack { lost, .. } => {
                    for seq in lost {
                        let payload = [&seq.to_be_bytes()[..], &self.sent[&u64::from(seq)]].concat();
                        self.lines.put(self.world.now_us, Item::Media(true, self.next_repair, payload));
                        self.next_repair += 1;
                    }
                }
                _ => {}
            }
        }
    }

    fn play(&mut self, seq: u16, payload: &[u8]) {
        let index = u64::from_be_bytes(payload[2..10].try_into().unwrap());
        let (first_seq, first_index) = *self.first.get_or_insert((seq.wrapping_sub(index as u16), index));
        assert_eq!(seq, first_seq.wrapping_add(index as u16), "one number for one packet");
        let newest = self.came.keys().next_back().copied().unwrap_or(first_index);
        self.missing.extend((newest + 1..index).map(|gap| (gap, self.world.now_us)));
        self.missing.remove(&index);
        self.came.entry(index).or_insert(self.world.now_us);
    }

    fn ask(&mut self) {
        let Some((offset, _)) = self.first else { return };
        let now_us = self.world.now_us;
        let due: Vec<u64> = self.missing.iter().filter(|(_, due_us)| **due_us <= now_us).map(|(gap, _)| *gap).collect();
        for gap in &due {
            self.missing.insert(*gap, now_us + ASK_AGAIN_US);
        }
        if !due.is_empty() {
            let lost = due.iter().map(|gap| offset.wrapping_add(*gap as u16)).collect();
            self.lines.put(now_us, Item::Ask(lost));
        }
    }

    /// How long after it was sent each frame could be decoded, all before it being there; the last second left out.
    fn delays_us(&self) -> Vec<u64> {
        let (_, first) = self.first.unwrap();
        let mut whole_us = 0;
        let mut from = first;
        let settled =
            self.frames.iter().filter(|(sent_us, last)| *last >= first && sent_us + 1_000_000 < self.world.now_us);
        settled
            .map(|(sent_us, last)| {
                for index in from..=*last {
                    let came_us = self.came.get(&index).unwrap_or_else(|| panic!("{index} never came"));
                    whole_us = whole_us.max(*came_us);
                }
                from = last + 1;
                whole_us - sent_us
            })
            .collect()
    }
}

#[test]
fn every_frame_comes_soon_and_one_keyframe_is_enough() {
    for seed in 0..10 {
        let mut call = Call::new(seed);
        call.run();
        let mut delays_us = call.delays_us();
        assert!(delays_us.len() > 250, "seed {seed}: {} frames", delays_us.len());
        delays_us.sort_unstable();
        let (half, most, longest) = (delays_us.len() / 2, delays_us.len() * 99 / 100, delays_us.len() - 1);
        let [half, most, longest] = [half, most, longest].map(|at| delays_us[at] / 1000);
        assert!(half < 250 && most < 600 && longest < 1_000, "seed {seed}: {half} {most} {longest} ms");
        assert!(call.keyframes <= 2, "seed {seed}: {} keyframes", call.keyframes);
    }
}
