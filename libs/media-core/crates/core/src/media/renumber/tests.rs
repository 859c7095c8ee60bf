//! Loss, reordering, omissions, pauses and changes of source, against what a player must see.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

fn starting_at(next_seq: u64) -> Renumbering {
    Renumbering::new(Continuation { next_seq, clock: None }, 90_000)
}

fn seqs(numbers: &mut Renumbering, packets: &[u64]) -> Vec<Option<u64>> {
    packets.iter().map(|seq| numbers.forward(0, *seq, 0, 0).map(|numbers| numbers.seq)).collect()
}

#[test]
fn a_loss_stays_a_gap_that_the_late_packet_fills() {
    let mut numbers = starting_at(10);
    assert_eq!(seqs(&mut numbers, &[100, 101, 104, 102]), [Some(10), Some(11), Some(14), Some(12)]);
    assert_eq!(numbers.continuation().next_seq, 15);
}

#[test]
fn what_is_left_out_leaves_no_gap() {
    let mut numbers = starting_at(10);
    assert_eq!(seqs(&mut numbers, &[100]), [Some(10)]);
    numbers.skip(0, 101);
    numbers.skip(0, 102);
    assert_eq!(seqs(&mut numbers, &[103, 99]), [Some(11), None]);
    // 104 is lost, 105 left out: the late 104 still has its place.
    numbers.skip(0, 105);
    assert_eq!(seqs(&mut numbers, &[106, 104]), [Some(13), Some(12)]);
}

#[test]
fn after_an_interruption_the_next_packet_follows_on_the_last() {
    let mut numbers = starting_at(10);
    let first = numbers.forward(0, 100, 5_000, 0).unwrap();
    numbers.interrupt();
    for seq in (101..500).filter(|seq| *seq != 300) {
        numbers.skip(0, seq);
    }
    let second = numbers.forward(0, 500, 95_000, 1_000_000).unwrap();
    assert_eq!((first.seq, second.seq), (10, 11));
    assert_eq!(second.timestamp - first.timestamp, 90_000);
    assert_eq!(numbers.forward(0, 300, 0, 0), None, "it came during the interruption");
    assert_eq!(numbers.lookup(0, 100, 5_000), Some(first));
}

#[test]
fn another_source_continues_sequence_and_clock() {
    let mut numbers = starting_at(10);
    numbers.forward(0, 100, 5_000, 0).unwrap();
    let next = numbers.forward(1, 7, 4_000_000_000, 1_000_000).unwrap();
    assert_eq!((next.seq, next.timestamp), (11, 95_000));
    assert_eq!(numbers.forward(0, 101, 6_000, 0), None, "the old source is over");
}

#[test]
fn a_wide_gap_of_the_source_is_one_number_to_the_player() {
    let mut numbers = starting_at(10);
    assert_eq!(seqs(&mut numbers, &[100, 101 + MAX_GAP]), [Some(10), Some(11 + MAX_GAP)], "this wide it stays");
    let after = 103 + 2 * MAX_GAP;
    assert_eq!(seqs(&mut numbers, &[after, after - 2, after + 1]), [Some(13 + MAX_GAP), None, Some(14 + MAX_GAP)]);
    numbers.skip(0, after + 20_000);
    assert_eq!(seqs(&mut numbers, &[after + 20_001, after + 2]), [Some(15 + MAX_GAP), None]);
    assert_eq!(numbers.lookup(0, 100, 0).map(|numbers| numbers.seq), Some(10), "what went out keeps its number");
}

#[derive(Debug, Clone)]
enum Step {
    Packet,
    Lose,
    Jump(u64),
    LeaveOut,
    Late(usize),
    Pause(u64),
    NewSource(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => Just(Step::Packet),
        3 => Just(Step::Lose),
        1 => (0..32_768_u64).prop_map(Step::Jump),
        3 => Just(Step::LeaveOut),
        3 => (0..8_usize).prop_map(Step::Late),
        1 => (0..100_u64).prop_map(Step::Pause),
        1 => (0..1000_u64).prop_map(Step::NewSource),
    ]
}

proptest! {
    /// Whatever happens: no number is given twice, order is kept, and the only gaps are lost packets of the source.
    #[test]
    fn numbers_are_unique_ordered_and_without_gaps_of_our_making(steps in prop::collection::vec(step(), 1..400)) {
        let mut numbers = starting_at(1);
        let (mut epoch, mut seq) = (0_u32, 1000_u64);
        // Output number to source packet; lost source packets that may yet come.
        let mut given: HashMap<u64, (u32, u64)> = HashMap::new();
        let mut lost: Vec<(u32, u64)> = Vec::new();
        let mut gaps_allowed = 0;
        let mut highest = 0;
        for step in steps {
            match step {
                Step::Packet => {
                    let out = numbers.forward(epoch, seq, 0, 0).unwrap().seq;
                    prop_assert!(out > highest, "the newest packet has the highest number");
                    highest = out;
                    prop_assert!(given.insert(out, (epoch, seq)).is_none());
                    prop_assert_eq!(numbers.forward(epoch, seq, 0, 0).unwrap().seq, out, "sent again it is the same");
                    seq += 1;
                }
                Step::Lose => {
                    lost.push((epoch, seq));
                    gaps_allowed += 1;
                    seq += 1;
                }
                Step::Jump(by) => {
                    lost.push((epoch, seq + by / 2));
                    gaps_allowed += if by > MAX_GAP { MAX_GAP as usize } else { by as usize };
                    seq += by;
                }
                Step::LeaveOut => {
                    numbers.skip(epoch, seq);
                    seq += 1;
                }
                Step::Late(back) => {
                    if back < lost.len() {
                        let (epoch, seq) = lost.remove(lost.len() - 1 - back);
                        if let Some(numbers) = numbers.forward(epoch, seq, 0, 0) {
                            highest = highest.max(numbers.seq);
                            prop_assert!(given.insert(numbers.seq, (epoch, seq)).is_none());
                        }
                    }
                }
                Step::Pause(missed) => {
                    numbers.interrupt();
                    for _ in 0..missed {
                        numbers.skip(epoch, seq);
                        seq += 1;
                    }
                }
                Step::NewSource(start) => {
                    epoch += 1;
                    seq = start;
                }
            }
        }
        prop_assert!(highest as usize - given.len() <= gaps_allowed);
        let mut by_number: Vec<_> = given.into_iter().collect();
        by_number.sort_unstable();
        let sources: Vec<_> = by_number.into_iter().map(|(_, source)| source).collect();
        prop_assert!(sources.is_sorted(), "the player sees the source's order");
    }
}
