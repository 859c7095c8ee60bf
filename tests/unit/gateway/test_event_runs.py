"""Runs of events: each seq covered once, neighbouring skips merged, named frames for the named alone; and their bytes on a socket."""

import json
from collections.abc import Generator
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame
from websockets.streams import StreamReader

from parlour.gateway.api.websocket_frames import wire_of
from parlour.gateway.domain.mirror import Entry
from parlour.gateway.domain.runs import RUN_BYTES, Run, named_in, portion, run_for
from parlour.gateway.domain.token_bucket import TokenBucket

UID = "0190b6a1-0000-7000-8000-000000000001"


def entry(seq: int, readers: tuple[str, ...] | None = None, frame: bytes = b"") -> Entry:
    return Entry(
        seq,
        f"{seq - 1:016x}",
        f"{seq:016x}",
        frame or b'{"seq":%d}' % seq,
        frozenset(readers) if readers else None,
        None,
    )


def audit(seq: int) -> Entry:
    return Entry(seq, f"{seq - 1:016x}", f"{seq:016x}", b"", None, None)


def read(actor: str, entries: list[Entry]) -> list[dict[str, object]]:
    return [json.loads(frame) for frame in run_for(actor, "r", UID, entries).frames]


def test_neighbouring_skips_are_one_with_the_place_after_them() -> None:
    frames = read("", [entry(1), audit(2), entry(3, ("eve",)), entry(4)])
    assert [frame.get("t", "ev") for frame in frames] == ["ev", "skip", "ev"]
    assert frames[1] == {"t": "skip", "roomID": "r", "from": 2, "to": 3, "pos": f"{UID}.3.{3:016x}"}


def test_what_is_named_is_read_by_the_named_alone() -> None:
    entries = [entry(1, ("ann", "eve")), audit(2)]
    assert named_in(entries) == {"ann", "eve"}
    assert read("eve", entries)[0] == {"seq": 1}
    assert [frame["t"] for frame in read("bob", entries)] == ["skip"]


def test_a_portion_has_at_least_one_event_and_no_more_bytes_than_a_run() -> None:
    large = b"x" * (RUN_BYTES // 2)
    assert len(portion([entry(n, frame=large) for n in range(1, 9)])) == 2
    assert len(portion([entry(1, frame=large * 4), entry(2)])) == 1


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(st.binary(max_size=200), st.sampled_from([b"x" * n for n in (125, 126, 65535, 65536)])), max_size=6
    )
)
def test_a_run_on_the_wire_is_its_frames(payloads: list[bytes]) -> None:
    """As another library reads them."""
    run = Run(tuple(payloads), 1)
    reader = StreamReader()
    reader.feed_data(wire_of(run))
    for payload in payloads:
        frame = whole(Frame.parse(reader.read_exact, mask=False))
        assert (frame.opcode, frame.fin, bytes(frame.data)) == (1, True, payload)


def whole(parsing: Generator[None, None, Frame]) -> Frame:
    """What the parser makes of bytes that are all there."""
    try:
        next(parsing)
    except StopIteration as done:
        return cast(Frame, done.value)
    raise AssertionError("the frame was not complete")


def test_a_bucket_refills_with_time() -> None:
    bucket = TokenBucket(rate=2.0, burst=2.0, now=0.0)
    assert [bucket.take(0.0) for _ in range(3)] == [True, True, False]
    assert bucket.take(0.5)
    assert not bucket.take(0.6)
    assert [bucket.take(100.0) for _ in range(3)] == [True, True, False]
