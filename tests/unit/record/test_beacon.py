"""Which heads are told, how often, and in messages of what size."""

import msgspec

from parlour.contracts.queries import HeadBeacon
from parlour.contracts.subjects import partition
from parlour.kernel.log import Record
from parlour.record.domain.beacon import HEADS_PER_BEACON, RECENT_HEADS, RECENT_S, REPEATS, RoomHeads
from parlour.testkit.units import new_log

MAX_PAYLOAD = 1024 * 1024


def record(seq: int = 1, room: str = "") -> Record:
    key = new_log(room)
    return Record(key, seq, 0, partition(key.app, key.room), seq, "room", seq, "t", 0, b"", b"", bytes(range(32)))


def later(before: Record, seq: int) -> Record:
    return msgspec.structs.replace(before, seq=seq)


def told(beacons: tuple[HeadBeacon, ...]) -> list[tuple[str, int]]:
    return [(head.room_uid, head.seq) for beacon in beacons for head in beacon.heads]


def test_a_changed_head_is_told_a_few_times_and_then_no_more() -> None:
    heads, one = RoomHeads(), record()
    heads.update(one, 0.0)
    assert [told(heads.beacons(0.0)) for _ in range(REPEATS + 1)] == [[(str(one.log.uid), 1)]] * REPEATS + [[]]


def test_a_newer_event_replaces_an_older_one_and_never_the_other_way() -> None:
    heads, one = RoomHeads(), record(5)
    heads.update(one, 0.0)
    heads.update(later(one, 4), 0.0)
    assert told(heads.beacons(0.0)) == [(str(one.log.uid), 5)]
    heads.update(later(one, 6), 0.0)
    assert told(heads.beacons(0.0)) == [(str(one.log.uid), 6)]


def test_a_beacon_holds_heads_of_its_own_shard_only() -> None:
    heads = RoomHeads()
    for _ in range(50):
        heads.update(record(), 0.0)
    for beacon in heads.beacons(0.0):
        assert {partition(head.app, head.room) for head in beacon.heads} == {beacon.p}


def test_what_was_told_lately_is_told_again_on_demand() -> None:
    heads, one = RoomHeads(), record()
    heads.update(one, 0.0)
    for _ in range(REPEATS):
        heads.beacons(0.0)
    heads.announce_again()
    assert told(heads.beacons(RECENT_S)) == [(str(one.log.uid), 1)]
    assert told(heads.beacons(RECENT_S)) == []
    heads.beacons(RECENT_S + 1)
    heads.announce_again()
    assert told(heads.beacons(RECENT_S + 1)) == []


def test_a_message_stays_below_what_nats_carries_and_memory_is_bounded() -> None:
    heads, room = RoomHeads(), "." * 100
    for number in range(RECENT_HEADS + 10):
        heads.update(record(10**9, f"{room}{number % 7:028}"), 0.0)
    beacons = heads.beacons(0.0)
    assert sum(len(beacon.heads) for beacon in beacons) == RECENT_HEADS
    assert max(len(beacon.heads) for beacon in beacons) <= HEADS_PER_BEACON
    assert max(len(msgspec.json.encode(beacon)) for beacon in beacons) < MAX_PAYLOAD
