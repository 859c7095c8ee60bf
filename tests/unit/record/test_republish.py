"""Which events are published again: rules 1 to 4 of `parlour.record.domain.republish`."""

import asyncio

import hypothesis.strategies as st
from hypothesis import given

from parlour.kernel.log import Committed, Record
from parlour.record.domain.republish import SIGHTINGS_KEPT, RepublishTracker, message_id
from parlour.testkit.log import MemoryLog
from parlour.testkit.units import append, new_log, unit


def history(length: int) -> tuple[Record, ...]:
    (outcome,) = asyncio.run(MemoryLog().append((unit(append(new_log(), length, creates=True)),)))
    assert isinstance(outcome, Committed)
    return outcome.records


RECORDS = history(6)


def test_heard_before_or_after_reading_is_told() -> None:
    tracker = RepublishTracker(1.0)
    tracker.add_sighting(message_id(RECORDS[0]))
    tracker.add_events(RECORDS[:2], now=0.0)
    tracker.add_sighting(message_id(RECORDS[1]))
    assert [(one.record.seq, one.published) for one in tracker.take_settled(0.0)] == [(1, True), (2, True)]


def test_not_heard_within_the_grace_is_to_be_published() -> None:
    tracker = RepublishTracker(1.0)
    tracker.add_events(RECORDS[:1], now=0.0)
    assert tracker.take_settled(0.99) == ()
    assert [one.published for one in tracker.take_settled(1.0)] == [False]
    assert tracker.take_settled(9.0) == ()


def test_one_that_waits_holds_back_those_behind_it() -> None:
    tracker = RepublishTracker(1.0)
    tracker.add_events(RECORDS[:3], now=0.0)
    tracker.add_sighting(message_id(RECORDS[2]))
    assert tracker.take_settled(0.5) == ()
    assert [(one.record.seq, one.published) for one in tracker.take_settled(1.0)] == [(1, False), (2, False), (3, True)]


def test_starting_again_forgets_what_was_read_and_not_what_was_heard() -> None:
    tracker = RepublishTracker(1.0)
    tracker.add_sighting(message_id(RECORDS[0]))
    tracker.add_events(RECORDS, now=0.0)
    tracker.reset()
    assert len(tracker) == 0
    tracker.add_events(RECORDS[:1], now=0.0)
    assert [one.published for one in tracker.take_settled(0.0)] == [True]


def test_the_memory_of_what_was_heard_is_bounded() -> None:
    tracker = RepublishTracker(1.0)
    tracker.add_sighting(message_id(RECORDS[0]))
    for number in range(SIGHTINGS_KEPT):
        tracker.add_sighting(f"other:{number}")
    tracker.add_events(RECORDS[:1], now=0.0)
    assert tracker.take_settled(0.0) == ()


@given(st.lists(st.tuples(st.sampled_from(["heard", "read", "wait"]), st.integers(0, 5))))
def test_everything_read_comes_out_once_and_in_order(steps: list[tuple[str, int]]) -> None:
    tracker, now, read, heard = RepublishTracker(2.0), 0.0, 0, set[int]()
    out: list[int] = []
    for step, number in steps:
        if step == "heard":
            tracker.add_sighting(message_id(RECORDS[number]))
            heard.add(number + 1)
        elif step == "read" and read < len(RECORDS):
            tracker.add_events(RECORDS[read : read + 1], now)
            read += 1
        now += step == "wait"
        for one in tracker.take_settled(now):
            out.append(one.record.seq)
            assert one.published == (one.record.seq in heard)
    out += [one.record.seq for one in tracker.take_settled(now + 2.0)]
    assert out == list(range(1, read + 1))
