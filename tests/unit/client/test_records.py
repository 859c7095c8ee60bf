"""What is read over HTTP: pages put in the record's order, holes noticed, the record's own states understood."""

from typing import Any

import pytest

from parlour.client.errors import ProtocolViolation
from parlour.client.gateway_http import encode_room_id, page_address, socket_address
from parlour.client.items import Skip
from parlour.client.position import Position
from parlour.client.records import items_of, next_position, state_of

OLD, NEW = "01a1fe90-0000-7000-8000-000000000000", "01a1fe90-0000-7000-8000-000000000001"


def view(call: str, seq: int) -> dict[str, Any]:
    return {
        "roomUID": call, "seq": seq, "hash": f"{seq:016x}" + "0" * 48, "prev": f"{seq - 1:016x}" + "0" * 48, "at": seq,
        "type": "im.broadcast_sent.v1", "data": {"text": str(seq)}, "userID": "ann",
    }  # fmt: skip


def place(call: str, seq: int) -> str:
    return f"{call}.{seq}.{seq:016x}"


def test_a_page_is_put_in_the_record_s_order_over_lives() -> None:
    page = {
        "events": [view(OLD, 4), view(OLD, 7), view(NEW, 1)],
        "skipped": [{"from": 5, "to": 6, "pos": place(OLD, 6)}, {"from": 2, "to": 2, "pos": place(NEW, 2)}],
    }
    items = items_of("r", page)
    assert [str(item.position) for item in items] == [
        place(OLD, 4), place(OLD, 6), place(OLD, 7), place(NEW, 1), place(NEW, 2),
    ]  # fmt: skip
    assert [item.first for item in items if isinstance(item, Skip)] == [5, 2]
    at: Position | None = Position.parse(place(OLD, 3))
    for item in items:
        at = next_position(at, item)
    assert str(at) == place(NEW, 2)


@pytest.mark.parametrize("held", [place(OLD, 2), place(OLD, 4), f"{OLD}.3.{'f' * 16}", place(NEW, 3)])
def test_a_hole_or_another_history_is_never_passed_over(held: str) -> None:
    (item,) = items_of("r", {"events": [view(OLD, 4)], "skipped": []})
    with pytest.raises(ProtocolViolation):
        next_position(Position.parse(held), item)


def test_a_state_knows_people_by_name() -> None:
    state = state_of(
        "r",
        {
            "roomUID": NEW, "seq": 3, "hash": f"{3:016x}" + "0" * 48, "open": True,
            "users": [{"actor": "a-1", "userID": "ann", "userName": "Ann"}],
            "streams": [
                {"streamID": "s", "actor": "a-1", "extraInfo": "", "codec": "VP8", "hasAudio": True, "hasVideo": False},
                {"streamID": "t", "actor": "gone", "extraInfo": "", "codec": "", "hasAudio": True, "hasVideo": True},
            ],
            "extraInfo": [{"key": "k", "value": "v"}],
        },
    )  # fmt: skip
    assert state.users["ann"].user_name == "Ann"
    assert {stream.stream_id: stream.user_id for stream in state.streams.values()} == {"s": "ann", "t": ""}
    assert state.extra_info == {"k": "v"}


def test_addresses_and_room_ids() -> None:
    assert encode_room_id("a/b ü-1") == "a=2Fb=20=C3=BC-1"
    assert page_address("wss://host:1/ws") == "https://host:1"
    assert socket_address("http://host:1") == "ws://host:1/ws"
    for wrong in ("host", "ftp://host"):
        with pytest.raises(ValueError, match="no address"):
            page_address(wrong)
        with pytest.raises(ValueError, match="no address"):
            socket_address(wrong)


@pytest.mark.parametrize("text", ["", "a.b.c", "a.1.short", f".1.{'0' * 16}"])
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a position"):
        Position.parse(text)
