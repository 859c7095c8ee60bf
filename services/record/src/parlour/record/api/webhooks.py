"""Operators' questions about webhooks over NATS. Only the gateway and the command line, which check who asks, may publish commands."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from parlour.contracts import subjects, webhooks
from parlour.contracts.ids import check_app_id
from parlour.record.app.webhooks.admin import WebhookAdmin
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.messaging.endpoint import Endpoint, Headers

SERVICE = "record-webhooks"
VERSION = "1.0.0"
Handler = Callable[[int, Any], Awaitable[msgspec.Struct]]


async def serve(bus: Bus, admin: WebhookAdmin) -> None:
    """Registers one endpoint for each verb of the contract."""
    handlers: dict[str, Handler] = {
        "webhook_add": admin.add,
        "webhook_list": admin.list_all,
        "webhook_rotate": admin.rotate,
        "webhook_set": admin.set,
        "webhook_remove": admin.remove,
        "webhook_test": admin.test,
        "webhook_deliveries": admin.deliveries,
        "webhook_dead": admin.dead,
        "webhook_redrive": admin.redrive,
    }

    async def handle(address: Address, question: Any, headers: Headers) -> msgspec.Struct:
        return await handlers[address.verb](check_app_id(address.app), question)

    of_all = subjects.commands_of("record").removesuffix("*")
    endpoints = {verb: Endpoint(of_all + verb, kind, handle) for verb, (kind, _) in webhooks.VERBS.items()}
    await bus.serve(SERVICE, VERSION, endpoints)


async def listen(bus: Bus, wake: Callable[[], None]) -> None:
    """Calls `wake` whenever NATS carries an event: the log has grown."""

    async def receive(address: Address, payload: bytes, headers: Headers) -> None:
        wake()

    await bus.subscribe(subjects.ALL_EVENTS, receive)
