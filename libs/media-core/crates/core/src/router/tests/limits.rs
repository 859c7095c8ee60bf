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
