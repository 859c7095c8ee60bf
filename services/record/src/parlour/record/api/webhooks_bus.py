"""Operators' questions about webhooks, over NATS. Only the gateway and the command line may publish commands; both checked who asks."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from parlour.contracts import subjects
from parlour.contracts import webhooks as ask
from parlour.contracts.ids import check_app_id
from parlour.record.app.webhooks.admin import WebhookAdmin
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus, Endpoint, Headers

SERVICE = "record-webhooks"
VERSION = "1.0.0"
Handler = Callable[[int, Any], Awaitable[msgspec.Struct]]


class WebhookCommands:
    """One endpoint for each verb of the contract."""

    def __init__(self, desk: WebhookAdmin) -> None:
        self._handlers: dict[str, Handler] = {
            "webhook_add": desk.add,
            "webhook_list": desk.list_all,
            "webhook_rotate": desk.rotate,
            "webhook_set": desk.set,
            "webhook_remove": desk.remove,
            "webhook_test": desk.test,
            "webhook_deliveries": desk.deliveries,
            "webhook_dead": desk.dead,
            "webhook_redrive": desk.redrive,
        }

    async def serve(self, bus: Bus) -> None:
        """Registers the endpoints."""
        of_all = subjects.commands_of("record").removesuffix("*")
        endpoints = {verb: Endpoint(of_all + verb, kind, self.handle) for verb, (kind, _) in ask.VERBS.items()}
        await bus.serve(SERVICE, VERSION, endpoints)

    async def handle(self, to: Address, question: Any, headers: Headers) -> msgspec.Struct:
        """One question."""
        return await self._handlers[to.verb](check_app_id(to.app), question)


async def wake(bus: Bus, call: Callable[[], None]) -> None:
    """Calls whenever NATS carries an event: the log has news."""

    async def heard(to: Address, payload: bytes, headers: Headers) -> None:
        call()

    await bus.subscribe(subjects.ALL_EVENTS, heard)
