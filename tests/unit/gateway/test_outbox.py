"""The send queue: bounded, ordered, skips merged."""

import json

from parlour.gateway.domain.outbox import Outbox
from parlour.gateway.domain.pace import Bucket


def test_order_is_kept_and_neighbouring_skips_merge() -> None:
    box = Outbox()
    box.put("a")
    box.skip("r", 2, 2, "p2")
    box.skip("r", 3, 3, "p3")
    box.skip("q", 9, 9, "p9")
    box.put("b")
    taken = [box.take() for _ in range(len(box))]
    assert taken[0] == "a"
    assert json.loads(taken[1]) == {"t": "skip", "roomID": "r", "from": 2, "to": 3, "pos": "p3"}
    assert json.loads(taken[2])["roomID"] == "q"
    assert taken[3] == "b"


def test_a_skip_after_an_event_does_not_merge_across_it() -> None:
    box = Outbox()
    box.skip("r", 1, 1, "p1")
    box.put("e2")
    box.skip("r", 3, 3, "p3")
    assert len(box) == 3


def test_over_a_limit_nothing_more_is_taken() -> None:
    box = Outbox(max_frames=2)
    assert box.put("a")
    assert box.put("b")
    assert not box.put("c")
    assert box.overflowed
    box.take()
    assert not box.put("d")
    assert not Outbox(max_frames=0).skip("r", 1, 1, "p")


def test_characters_are_bounded_but_one_large_frame_always_fits() -> None:
    box = Outbox(max_chars=10)
    assert box.put("x" * 100)
    assert not box.put("y")


def test_a_large_room_does_not_make_its_client_a_slow_one() -> None:
    box = Outbox(max_frames=4, max_chars=10)
    assert box.put("page", "p" * 100, "snap")
    assert box.put("event")
    assert not box.put("another")
    assert [box.take() for _ in range(4)] == ["page", "p" * 100, "snap", "event"]


def test_a_bucket_refills_with_time() -> None:
    bucket = Bucket(rate=2.0, burst=2.0, now=0.0)
    assert [bucket.take(0.0) for _ in range(3)] == [True, True, False]
    assert bucket.take(0.5)
    assert not bucket.take(0.6)
    assert [bucket.take(100.0) for _ in range(3)] == [True, True, False]
