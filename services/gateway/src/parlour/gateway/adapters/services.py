"""The other services and the record over the bus."""

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from nats import errors

from parlour.contracts import commands as cmd
from parlour.contracts import subjects, webhooks
from parlour.contracts.envelope import EventView
from parlour.contracts.queries import Replay, ReplayQuery, Snapshot, SnapshotQuery
from parlour.gateway.app.ports import Unsubscribe
from parlour.kernel.paging import whole
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus, check_answer
from parlour.runtime.messaging.endpoint import Headers

PAGE_WITHIN_S = 4.0
PAGE_ATTEMPT_S = 1.0
"""A page of a room's record is read in milliseconds; a replica that takes longer has stalled, and another one is asked."""
QUERY_WITHIN_S = 5.0
WEBHOOK_ANSWER_WITHIN_S = 20.0
"""A test event may take as long as the endpoint is given."""
A = TypeVar("A", bound=msgspec.Struct)
R = TypeVar("R")
_view = msgspec.json.Decoder(EventView)


class BusServices:
    """Implements the ports `Services`, `RecordQueries`, `History` and `Events` on one NATS connection. A command's tag names the service
    and the verb that it is sent to.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def ask(self, app: int, room: str, request: cmd.Request) -> cmd.Reply:
        return await self._bus.ask(app, request.service, room, request.verb, request)

    async def query(self, app: int, room: str, name: str, query: msgspec.Struct, kind: type[A]) -> A:
        return check_answer(await self._bus.request(subjects.query(app, room, name), query, kind, QUERY_WITHIN_S))

    async def ask_webhooks(self, app: int, question: msgspec.Struct) -> Any:
        verb = webhooks.verb_of(question)
        subject = subjects.command(app, "record", "", verb)
        return await self._bus.request(subject, question, webhooks.VERBS[verb][1], WEBHOOK_ANSWER_WITHIN_S)

    async def replay(self, app: int, room: str, query: ReplayQuery) -> Replay:
        return check_answer(await self._query(subjects.service_query(app, room, "replay"), query, Replay))

    async def snapshot(self, app: int, room: str, query: SnapshotQuery) -> Snapshot:
        subject = subjects.service_query(app, room, "snapshot")
        return check_answer(await whole(lambda page: self._query(subject, page, Snapshot), query))

    async def _query(self, subject: str, query: msgspec.Struct, kind: type[R]) -> R:
        return await self._bus.request_with_retry(subject, query, kind, PAGE_WITHIN_S, PAGE_ATTEMPT_S)

    async def subscribe(
        self, app: int, room: str, receive: Callable[[EventView], None], on_loss: Callable[[], None]
    ) -> Unsubscribe:
        async def arrived(_to: Address, payload: bytes, _headers: Headers) -> None:
            receive(_view.decode(payload))

        async def unsubscribe() -> None:
            with contextlib.suppress(errors.Error):  # a connection that is gone has no subscriptions
                await subscription.unsubscribe()

        subscription = await self._bus.subscribe(subjects.events_of_room(app, room), arrived, on_overflow=on_loss)
        return unsubscribe
