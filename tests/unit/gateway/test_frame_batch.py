"""Runs of events: each seq covered once, neighbouring skips merged, named frames for the named alone; and their bytes on a socket."""

from collections.abc import Generator
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw, json, structs
from websockets.frames import Frame
from websockets.streams import StreamReader

from parlour.contracts import client
from parlour.contracts import events as ev
from parlour.contracts.envelope import EventView
from parlour.contracts.ids import Position
from parlour.gateway.domain.encoded_event import EncodedEvent
from parlour.gateway.domain.frame_batch import BATCH_BYTES, FrameBatch, encode_batches, merge_skips
from parlour.gateway.domain.read_scope import EVERYBODY, ReadScope
from parlour.gateway.domain.token_bucket import TokenBucket

UID = "0190b6a1-0000-7000-8000-000000000001"
PLACE = Position(UID, 1, f"{1:016x}")


def event(seq: int, readers: tuple[str, ...] | None = None, size: int = 0) -> EncodedEvent:
    named = ev.CommandSent("s", "author", "x" * size, readers or ())
    audience = ev.audience_of(named)
    view = EventView(
        1, "r", UID, seq, seq, f"{seq:016x}".ljust(64, "0"), f"{seq - 1:016x}".ljust(64, "0"), named.TAG, int(audience),
        Raw(json.encode(named)), "author",
    )  # fmt: skip
    return EncodedEvent(view, client.UserRef("author"))


def audit(seq: int) -> EncodedEvent:
    view = structs.replace(event(seq).view, audience=int(ev.Audience.AUDIT))
    return EncodedEvent(view)


def read(actor: str, events: list[EncodedEvent]) -> list[dict[str, object]]:
    scope = ReadScope(actor=actor, room_uid=UID) if actor else EVERYBODY
    (batch,) = encode_batches("r", merge_skips(events, scope))
    return [json.decode(frame) for frame in batch.frames]


def test_neighbouring_skips_are_one_with_the_place_after_them() -> None:
    frames = read("", [event(1), audit(2), event(3, ("eve",)), event(4)])
    assert [frame["t"] for frame in frames] == ["ev", "skip", "ev"]
    assert frames[1] == {"t": "skip", "roomID": "r", "from": 2, "to": 3, "pos": f"{UID}.3.{3:016x}"}


def test_what_is_named_is_read_by_the_named_alone() -> None:
    events = [event(1, ("ann", "eve")), audit(2)]
    assert events[0].readers == {"ann", "eve", "author"}
    assert (read("eve", events)[0]["t"], read("eve", events)[0]["seq"]) == ("ev", 1)
    assert [frame["t"] for frame in read("bob", events)] == ["skip"]


def test_a_batch_has_at_least_one_event_and_ends_with_the_frame_that_fills_it() -> None:
    def sizes(*events: EncodedEvent) -> list[int]:
        return [len(batch.frames) for batch in encode_batches("r", merge_skips(events, EVERYBODY))]

    half = BATCH_BYTES // 2
    assert sizes(*(event(n, size=half) for n in range(1, 9))) == [2, 2, 2, 2]
    assert sizes(event(1, size=half * 4), event(2)) == [1, 1]


def test_a_batch_ends_at_the_position_behind_its_last_event() -> None:
    large = [event(n, size=BATCH_BYTES) for n in (1, 2)]
    ends = [batch.end for batch in encode_batches("r", merge_skips([*large, audit(3)], EVERYBODY))]
    assert ends == [Position(UID, n, f"{n:016x}") for n in (1, 2, 3)]


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(st.binary(max_size=200), st.sampled_from([b"x" * n for n in (125, 126, 65535, 65536)])), max_size=6
    )
)
def test_a_run_on_the_wire_is_its_frames(payloads: list[bytes]) -> None:
    """As another library reads them."""
    batch = FrameBatch(tuple(payloads), PLACE)
    reader = StreamReader()
    reader.feed_data(batch.wire)
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
