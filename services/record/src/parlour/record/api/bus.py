"""Questions about rooms over NATS, and the events that NATS carries."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from parlour.contracts import subjects
from parlour.contracts.ids import check_app_id
from parlour.contracts.queries import HeadQuery, ReplayQuery, SnapshotQuery
from parlour.record.app.rooms.queries import RoomQueries
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus, Unavailable
from parlour.runtime.messaging.endpoint import Endpoint, Gate, Headers

SERVICE = "record"
VERSION = "1.0.0"
ALL_QUERIES = subjects.ALL_QUERIES.removesuffix("*")
Answer = Callable[[int, str, Any], Awaitable[msgspec.Struct]]
"""Answers a question about (app, room)."""


def query_endpoint(verb: str, kind: Any, answer: Answer, gate: Gate | None = None) -> Endpoint:
    """Returns an endpoint that takes app and room from the subject."""

    async def handle(address: Address, query: Any, headers: Headers) -> msgspec.Struct:
        return await answer(check_app_id(address.app), address.room, query)

    return Endpoint(ALL_QUERIES + verb, kind, handle, gate)


async def serve(bus: Bus, queries: RoomQueries, readers: Gate) -> None:
    """Registers each question twice: for subscribers outside, behind their gate, and for services."""
    answers: tuple[tuple[str, Any, Answer], ...] = (
        ("head", HeadQuery, queries.head),
        ("replay", ReplayQuery, queries.replay),
        ("snapshot", SnapshotQuery, queries.snapshot),
    )
    endpoints: dict[str, Endpoint] = {}
    for verb, kind, answer in answers:
        endpoints[verb] = query_endpoint(verb, kind, answer, readers)
        endpoints[f"service_{verb}"] = query_endpoint(f"service_{verb}", kind, answer)
    await bus.serve(SERVICE, VERSION, endpoints)


async def listen(bus: Bus, add_sighting: Callable[[str], None]) -> None:
    """Calls `add_sighting` with the message id of each event that NATS carries: the log has grown."""

    async def receive(address: Address, payload: bytes, headers: Headers) -> None:
        if id_ := headers.get("Nats-Msg-Id"):
            add_sighting(id_)

    await bus.subscribe(subjects.ALL_EVENTS, receive)


async def publish(bus: Bus, subject: str, payload: bytes, headers: dict[str, str]) -> None:
    """Hands a message of the tail to NATS; ConnectionError, after which the tail begins anew, if that is away."""
    try:
        await bus.publish(subject, payload, headers or None)
    except Unavailable as error:
        raise ConnectionError(str(error)) from error
