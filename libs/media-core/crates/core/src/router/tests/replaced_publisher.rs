//! A stream whose publisher comes again: the relay takes the old track away and gives its players the new one.

use super::*;

impl World {
    /// The stream is published anew, and the player's sink of the old track follows under its SSRC.
    fn replace_publisher(&mut self, player: u64) {
        self.apply(Command::RemoveSink(player));
        self.apply(Command::RemoveTrack(TRACK));
        self.add_track();
        self.add_sink(player);
    }

    /// A frame of the publisher whose clock is not that of its numbers.
    fn keyframe_at(&mut self, ssrc: u32, index: u64, timestamp: u32) {
        let payload = [&[0x10, 0x00][..], &index.to_be_bytes()].concat();
        let mut packet = vec![0; 12 + payload.len() + 16];
        write_header(&mut packet, false, true, 96, Numbers { seq: index, timestamp }, ssrc);
        assert!(key().seal_rtp(ssrc, index, 12, &payload, &mut packet));
        self.handle(path(PUBLISHER), packet);
    }

    /// Sequence number and timestamp of each packet that came to a player.
    fn clock(&self, player: u64) -> Vec<(u16, u32)> {
        self.received[&player].iter().map(|(header, _)| (header.seq, header.timestamp)).collect()
    }
}

#[test]
fn a_player_sees_one_clock_whatever_the_publisher_that_comes_again_begins_with() {
    for begins_at in [0, 3_000_000_000, 4_000_000_000, u32::MAX] {
        let mut world = World::call([2]);
        world.keyframe_at(SOURCE, 100, 3_900_000_000);
        world.pass(2_000_000);
        world.replace_publisher(2);
        world.keyframe_at(SOURCE + 1, 7, begins_at);
        let clock = world.clock(2);
        let expected = (clock[0].0 + 1, 3_900_000_000 + 2 * 90_000);
        assert_eq!(clock[1..], [expected], "its first timestamp was {begins_at}");
    }
}

#[test]
fn a_publisher_that_ended_before_its_first_packet_leaves_the_clock_as_it_was() {
    let mut world = World::call([2]);
    world.keyframe_at(SOURCE, 100, 500);
    world.replace_publisher(2);
    world.pass(1_000_000);
    world.replace_publisher(2);
    world.keyframe_at(SOURCE + 1, 7, 77);
    let clock = world.clock(2);
    assert_eq!(clock[1..], [(clock[0].0 + 1, 500 + 90_000)]);
}

#[test]
fn a_publisher_that_follows_at_once_is_later_than_the_last() {
    let mut world = World::call([2]);
    world.keyframe_at(SOURCE, 100, 500);
    world.replace_publisher(2);
    world.keyframe_at(SOURCE + 1, 7, 77);
    assert_eq!(world.clock(2)[1].1, 501);
}
