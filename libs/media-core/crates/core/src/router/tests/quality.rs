//! What the statistics tell of a call's quality.

use super::*;
use crate::rtcp::ReportBlock;

fn block(cumulative_lost: u32, highest_seq: u32) -> ReportBlock {
    ReportBlock {
        ssrc: 1000,
        fraction_lost: 64,
        cumulative_lost,
        highest_seq,
        jitter: 450,
        last_sr: 0,
        delay_since_last_sr: 0,
    }
}

#[test]
fn a_players_report_and_requests_are_counted_for_its_sink() {
    let mut world = World::call([2]);
    world.video(100, true);
    assert!(world.router.stats(world.now_us).sinks[0].reported.is_none());
    let mut compound = Compound::default();
    compound.receiver_report(1, &[block(3, 70_000)]);
    compound.picture_loss(1, 1000);
    world.send_rtcp(2, &compound);
    let sink = &world.router.stats(world.now_us).sinks[0];
    let reported = sink.reported.unwrap();
    assert_eq!((reported.lost, reported.highest, reported.jitter, sink.plis), (3, 70_000, 450, 1));
    assert!((sink.fraction_lost - 0.25).abs() < 1e-9);
}

#[test]
fn packets_that_came_twice_are_lost_less_than_none() {
    assert_eq!(block(0xff_fffe, 0).total_lost(), -2);
    assert_eq!(block(0x7f_ffff, 0).total_lost(), 0x7f_ffff);
}

#[test]
fn a_source_that_begins_anew_takes_nothing_back() {
    let mut world = World::call([2]);
    for index in [100, 101, 103] {
        world.video(index, true);
    }
    world.pass(600_000);
    world.send(SOURCE + 1, 96, 9000, &[&[0x10, 0x00][..], &9000_u64.to_be_bytes()].concat());
    let track = &world.router.stats(world.now_us).tracks[0];
    assert_eq!((track.expected, track.missed), (5, 1));
}

#[test]
fn what_a_publisher_lost_counts_though_it_was_repaired() {
    let mut world = World::call([2]);
    for index in [100, 101, 103] {
        world.video(index, true);
    }
    world.pass(20_000);
    world.send(78, 97, 5, &[&102_u16.to_be_bytes()[..], &[0x10, 0x00], &102_u64.to_be_bytes()].concat());
    let mut compound = Compound::default();
    compound.picture_loss(1, 1000);
    world.send_rtcp(2, &compound);
    let track = &world.router.stats(world.now_us).tracks[0];
    assert_eq!((track.expected, track.missed, track.lost, track.nacks, track.plis), (4, 1, 0, 1, 1));
}
