//! Keyframes whose first packet comes behind others of theirs.

use super::*;

fn indexes(world: &World, player: u64) -> Vec<u64> {
    world.numbers(player).into_iter().map(|(_, index)| index).collect()
}

#[test]
fn a_keyframe_whose_start_was_overtaken_is_not_in_vain() {
    let mut world = World::call([2]);
    for (index, keyframe) in [(100, false), (103, false), (102, false), (101, true), (104, false)] {
        world.video(index, keyframe);
    }
    assert_eq!(indexes(&world, 2), [101, 103, 102, 104]);
    let first = world.numbers(2)[0].0;
    assert!(world.numbers(2).iter().all(|(seq, index)| u64::from(seq.wrapping_sub(first)) == index - 101));
    world.connect(3);
    world.add_sink(3);
    assert_eq!(indexes(&world, 3), [101, 103, 102, 104], "whoever joins now gets all of it too");
}

#[test]
fn a_keyframe_whose_start_was_lost_and_repaired_is_not_in_vain() {
    let mut world = World::call([2]);
    for index in [100, 102, 103] {
        world.video(index, false);
    }
    world.pass(20_000);
    let asked = world.count(PUBLISHER, picture_loss);
    world.send(78, 97, 5, &[&101_u16.to_be_bytes()[..], &[0x10, 0x00], &101_u64.to_be_bytes()].concat());
    world.video(104, false);
    assert_eq!(indexes(&world, 2), [101, 102, 103, 104]);
    world.pass(2_000_000);
    assert_eq!(world.count(PUBLISHER, picture_loss), asked, "nobody waits any more");
}

#[test]
fn a_player_that_resumes_is_given_no_keyframe_from_before_the_pause() {
    let mut world = World::call([2]);
    for index in [100, 103] {
        world.video(index, index == 100);
    }
    world.apply(Command::PauseSink { sink: 2, paused: true });
    world.video(104, false);
    world.apply(Command::PauseSink { sink: 2, paused: false });
    for (index, keyframe) in [(102, true), (106, false), (105, true)] {
        world.video(index, keyframe);
    }
    assert_eq!(indexes(&world, 2), [100, 103, 105, 106]);
    let seqs: Vec<u16> = world.numbers(2).iter().map(|(seq, _)| seq.wrapping_sub(world.numbers(2)[0].0)).collect();
    assert_eq!(seqs, [0, 3, 4, 5]);
}
