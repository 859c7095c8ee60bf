"""Questions about webhooks to the record, over the bus."""

from typing import Any

import msgspec

from parlour.contracts import subjects
from parlour.contracts import webhooks as contract
from parlour.runtime.messaging.bus import Bus

WITHIN_S = 20.0
"""A test event may take as long as the endpoint is given."""


class BusWebhooks:
    """Each question of `contracts.webhooks` to whoever answers it."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def ask(self, app: int, question: msgspec.Struct) -> Any:
        """The answer, of the type that the contract names; a no as `Rejection`."""
        verb = contract.verb_of(question)
        subject = subjects.command(app, "record", "", verb)
        return await self._bus.request(subject, question, contract.VERBS[verb][1], WITHIN_S)
