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
