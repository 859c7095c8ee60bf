"""The other services over the bus."""

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from nats import errors

from parlour.contracts import commands as cmd
from parlour.contracts import subjects
from parlour.contracts.envelope import EventView
from parlour.contracts.queries import Replay, ReplayQuery, Snapshot, SnapshotQuery
from parlour.gateway.app.ports import Unsubscribe
from parlour.kernel.paging import whole
from parlour.kernel.rejection import Rejection
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.messaging.endpoint import Headers

QUERY_WITHIN_S = 4.0
QUERY_ATTEMPT_S = 1.0
"""A page of a room's record is read in milliseconds; whoever takes longer stands still, and another replica is asked."""
R = TypeVar("R")
_view = msgspec.json.Decoder(EventView)


class BusServices:
    """Implements the ports `Services`, `History` and `Events` on one NATS connection. A command's tag names the service and the verb."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def ask(self, app: int, room: str, request: cmd.Request) -> cmd.Reply:
        return await self._bus.ask(app, request.service, room, request.verb, request)

    async def replay(self, app: int, room: str, query: ReplayQuery) -> Replay:
        return _checked(await self._query(subjects.service_query(app, room, "replay"), query, Replay))

    async def snapshot(self, app: int, room: str, query: SnapshotQuery) -> Snapshot:
        subject = subjects.service_query(app, room, "snapshot")
        return _checked(await whole(lambda page: self._query(subject, page, Snapshot), query))

    async def _query(self, subject: str, query: msgspec.Struct, kind: type[R]) -> R:
        return await self._bus.request_with_retry(subject, query, kind, QUERY_WITHIN_S, QUERY_ATTEMPT_S)

    async def subscribe(
        self, app: int, room: str, receive: Callable[[EventView], None], lost: Callable[[], None]
    ) -> Unsubscribe:
        async def arrived(_to: Address, payload: bytes, _headers: Headers) -> None:
            receive(_view.decode(payload))

        async def unsubscribe() -> None:
            with contextlib.suppress(errors.Error):  # a connection that is gone has no subscriptions
                await subscription.unsubscribe()

        subscription = await self._bus.subscribe(subjects.events_of_room(app, room), arrived, on_overflow=lost)
        return unsubscribe


def _checked(answer: Any) -> Any:
    if answer.problem is not None:
        raise Rejection(answer.problem)
    return answer
