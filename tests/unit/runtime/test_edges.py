"""Addresses, problems over HTTP and the limit on bodies."""

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour.contracts import subjects
from parlour.contracts.codes import Code, Problem
from parlour.runtime import http
from parlour.runtime.messaging.address import Address, parse

ROOMS = st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable())


@given(app=st.integers(1, 2**32 - 1), room=ROOMS)
def test_an_address_has_the_parts_that_the_subject_was_made_of(app: int, room: str) -> None:
    p = subjects.partition(app, room)
    sent = parse(subjects.command(app, "room", room, "join"))
    assert (sent.kind, sent.app, sent.service, sent.p, sent.room, sent.verb) == ("cmd", app, "room", p, room, "join")
    event = parse(subjects.events(app, room, "streams"))
    assert (event.kind, event.app, event.p, event.room, event.verb) == ("evt", app, p, room, "streams")
    query = parse(subjects.query(app, room, "head"))
    assert (query.kind, query.app, query.room, query.verb) == ("qry", app, room, "head")


def test_relays_gateways_and_beacons_have_addresses_too() -> None:
    fact = parse(subjects.relay_fact("node.1", "closed"))
    assert (fact.kind, fact.node, fact.service, fact.verb) == ("relay", "node.1", "fact", "closed")
    assert parse(subjects.presence("gw/1")).node == "gw/1"
    assert parse(subjects.head(17)).p == 17
    assert parse("parlour.v1.x.cmd.room.1.r.join") == Address("parlour.v1.x.cmd.room.1.r.join")
    assert parse("$SRV.PING").kind == ""


def test_each_code_has_a_status_and_a_problem_document() -> None:
    for code in Code:
        assert 400 <= http.status_of(code) <= 504
    status, body = http.problem_json(Problem(int(Code.ROOM_ID_LONG), "too long", "roomID", "128 bytes", "shorten it"))
    assert (status, http.status_of(Code.TOKEN_EXPIRED), http.status_of(Code.UNAVAILABLE)) == (400, 401, 503)
    assert msgspec.json.decode(body) == {
        "type": "/errors/1002013", "title": "room id long", "detail": "too long", "status": 400, "code": 1002013,
        "field": "roomID", "limit": "128 bytes", "hint": "shorten it",
    }  # fmt: skip


def send_body(parts: list[bytes], announced: int | None) -> list[dict[str, Any]]:
    """What a reading application behind the limit of 10 bytes answers."""
    sent: list[Any] = []
    incoming = [
        {"type": "http.request", "body": part, "more_body": left > 0}
        for left, part in zip(range(len(parts) - 1, -1, -1), parts, strict=True)
    ]

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        read = await receive()
        assert (read["body"], read["more_body"]) == (b"".join(parts), False)
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Any:
        return incoming.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [] if announced is None else [(b"content-length", str(announced).encode())]
    asyncio.run(http.LimitBody(app, 10)({"type": "http", "headers": headers}, receive, send))
    return sent


@pytest.mark.parametrize(
    ("parts", "announced", "status"),
    [
        ([b"0123456789"], None, 200),
        ([b"0123456789"], 10, 200),
        ([b"x"], 11, 413),
        ([b"01234", b"012345"], None, 413),
        ([b"x" * 11], 1, 413),
    ],
)
def test_a_body_ends_at_its_limit(parts: list[bytes], announced: int | None, status: int) -> None:
    assert send_body(parts, announced)[0]["status"] == status
