"""Queries to the record service over the bus."""

from typing import Any, TypeVar

import msgspec

from parlour.contracts import subjects, webhooks
from parlour.kernel.rejection import Rejection
from parlour.runtime.messaging.bus import Bus

QUERY_ANSWER_WITHIN_S = 5.0
WEBHOOK_ANSWER_WITHIN_S = 20.0
"""A test event may take as long as the endpoint is given."""
A = TypeVar("A", bound=msgspec.Struct)


class BusRecord:
    """`RecordQueries` on one NATS connection."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def query(self, app: int, room: str, name: str, query: msgspec.Struct, kind: type[A]) -> A:
        """Returns the answer to a query about a room, or raises the `Rejection` that the record service gives."""
        answer: Any = await self._bus.request(subjects.query(app, room, name), query, kind, QUERY_ANSWER_WITHIN_S)
        if answer.problem is not None:
            raise Rejection(answer.problem)
        return answer

    async def ask_webhooks(self, app: int, question: msgspec.Struct) -> Any:
        """Returns the answer of the webhook verb that the question belongs to."""
        verb = webhooks.verb_of(question)
        subject = subjects.command(app, "record", "", verb)
        return await self._bus.request(subject, question, webhooks.VERBS[verb][1], WEBHOOK_ANSWER_WITHIN_S)
