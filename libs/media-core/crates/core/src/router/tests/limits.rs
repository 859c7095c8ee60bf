//! What a peer can make the relay keep or do is bounded.

use super::*;

#[test]
fn what_ended_sinks_leave_behind_is_bounded() {
    let mut world = World::call([2]);
    world.video(100, true);
    for sink in 0..2_000_u32 {
        world.apply(Command::AddSink(SinkConfig {
            sink: 100 + u64::from(sink),
            track: TRACK,
            transport: 2,
            ssrc: 5000 + sink,
            rtx_ssrc: None,
            payloads: vec![],
            extensions: vec![],
            mid: None,
        }));
        world.apply(Command::RemoveSink(100 + u64::from(sink)));
    }
    let index = world.router.transports.index(2).unwrap();
    assert_eq!(world.router.transports.get(index).unwrap().retired.len(), crate::transport::MAX_RETIRED);
}

proptest! {
    /// However far a publisher's numbers jump, and whatever the player misses of it, the player opens what comes then.
    #[test]
    fn jumps_of_the_publisher_never_reach_the_roll_over_count_of_a_player(
        jumps in prop::collection::vec((1..32_768_u64, any::<bool>()), 1..24),
    ) {
        let mut world = World::call([2]);
        let mut index = 100;
        world.video(index, true);
        for (jump, lost) in jumps {
            index += jump;
            let player = if lost { world.receivers.remove(&2) } else { None };
            world.video(index, true);
            world.receivers.extend(player.map(|receiver| (2, receiver)));
        }
        world.video(index + 1, true);
        let last = world.numbers(2).last().map(|(_, index)| *index);
        prop_assert_eq!(last, Some(index + 1));
    }
}

#[test]
fn a_publisher_that_sends_no_checks_stays_for_as_long_as_its_media_comes() {
    let mut world = World::call([2]);
    for index in 100..160 {
        world.pass(1_000_000);
        world.video(index, true);
        world.handle(path(2), check(2));
    }
    let timeouts = |world: &mut World| {
        let events = std::iter::from_fn(|| world.router.poll_event());
        events.filter(|event| *event == Event::IceTimeout { transport: PUBLISHER }).count()
    };
    assert_eq!((timeouts(&mut world), world.numbers(2).len()), (0, 60));
    world.pass(30_000_000);
    assert_eq!(timeouts(&mut world), 1, "its silence ends it");
}

#[test]
fn a_player_that_sends_no_checks_is_sent_nothing_after_a_while_whatever_it_reports() {
    let mut world = World::call([2]);
    let mut compound = Compound::default();
    compound.receiver_report(1, &[]);
    for _ in 0..31 {
        world.pass(1_000_000);
        world.send_rtcp(2, &compound);
    }
    let ended = |event: &Event| *event == Event::IceTimeout { transport: 2 };
    assert_eq!(std::iter::from_fn(|| world.router.poll_event()).filter(ended).count(), 1);
}

#[test]
fn goodbyes_and_starts_in_alternation_are_told_now_and_then() {
    let mut world = World::call([]);
    let mut goodbye = Compound::default();
    goodbye.receiver_report(SOURCE, &[]);
    goodbye.goodbye(SOURCE);
    for index in 100..2_100 {
        world.video(index, true);
        world.send_rtcp(PUBLISHER, &goodbye);
        world.pass(500);
    }
    let told: Vec<Event> = std::iter::from_fn(|| world.router.poll_event())
        .filter(|event| matches!(event, Event::MediaStarted { .. } | Event::Bye { .. }))
        .collect();
    assert_eq!(told, [Event::MediaStarted { transport: PUBLISHER, track: TRACK }]);
    world.pass(2_000_000);
    let last = std::iter::from_fn(|| world.router.poll_event()).last();
    assert_eq!(last, Some(Event::Bye { transport: PUBLISHER, track: TRACK }), "the last goodbye stands");
}

fn counters(world: &World, transport: u64) -> crate::stats::TransportCounters {
    let stats = world.router.stats(world.now_us);
    stats.transports.iter().find(|each| each.id == transport).unwrap().counters
}

#[test]
fn a_flood_of_one_publisher_reaches_players_up_to_its_limit() {
    let mut world = World::new();
    world.router = Router::new(1, Limits { packets: 1_000, ..Limits::default() });
    world.connect(PUBLISHER);
    world.add_track();
    world.connect(2);
    world.add_sink(2);
    for index in 100..10_100 {
        world.video(index, true);
        world.pass(100);
    }
    let forwarded = world.numbers(2).len();
    assert!((1_900..=2_001).contains(&forwarded), "a second's worth at once and one in the second: {forwarded}");
    assert_eq!(counters(&world, PUBLISHER).rx_policed, 10_000 - forwarded as u64);
    world.pass(1_000_000);
    world.video(10_100, true);
    assert_eq!(world.numbers(2).last().map(|(_, index)| *index), Some(10_100), "the flood is over");
}

#[test]
fn a_player_can_not_make_the_publisher_send_keyframes_all_the_time() {
    let mut world = World::call([2]);
    world.video(100, true);
    world.pass(1_000_000);
    let before = world.count(PUBLISHER, picture_loss);
    let mut compound = Compound::default();
    compound.receiver_report(1, &[]);
    compound.picture_loss(1, 1000);
    for index in 101..301 {
        world.send_rtcp(2, &compound);
        world.pass(100_000);
        world.video(index, true);
    }
    let asked = world.count(PUBLISHER, picture_loss) - before;
    assert!((12..=15).contains(&asked), "five at once and ten in twenty seconds: {asked}");
}

#[test]
fn a_player_is_sent_lost_packets_again_up_to_its_limit() {
    let mut world = World::call([2]);
    world.router.limits.repairs = 100;
    world.connect(3);
    world.add_sink(3);
    for index in 100..1_000 {
        world.video(index, true);
    }
    let seqs: Vec<u16> = world.numbers(3).iter().map(|(seq, _)| *seq).collect();
    world.raw.clear();
    for some in seqs.chunks(200) {
        let mut compound = Compound::default();
        compound.nack(1, 1000, some);
        world.send_rtcp(3, &compound);
    }
    assert_eq!((world.raw.len(), counters(&world, 3).repairs_policed), (100, 800));
}

#[test]
fn dtls_datagrams_of_a_peer_are_handed_on_at_a_pace() {
    let mut world = World::call([]);
    while world.router.poll_event().is_some() {}
    for _ in 0..10_000 {
        world.handle(path(PUBLISHER), vec![22, 1]);
        world.pass(100);
    }
    let told = std::iter::from_fn(|| world.router.poll_event()).filter(|event| matches!(event, Event::Dtls { .. }));
    assert!((80..=85).contains(&told.count()));
}

#[test]
fn no_burst_of_an_honest_publisher_is_policed() {
    let mut world = World::call([2]);
    let packet = [0x10; 1_200];
    let mut index = 100;
    // Each round is 8 Mbit/s for a second, upon it a keyframe of 1 MB that comes at once.
    for _ in 0..5 {
        for _ in 0..(1 << 20) / packet.len() + 1 {
            world.send(SOURCE, 96, index, &packet);
            index += 1;
        }
        for _ in 0..8_000_000 / 8 / packet.len() {
            world.send(SOURCE, 96, index, &packet);
            index += 1;
            world.pass(1_200);
        }
    }
    // Three layers of simulcast, each with a burst of the same moment.
    for _ in 0..3_000 {
        world.send(SOURCE, 96, index, &packet);
        index += 1;
    }
    assert_eq!(counters(&world, PUBLISHER).rx_policed, 0);
    assert_eq!(counters(&world, PUBLISHER).rx_packets, index - 100);
}
