"""A client for tests of webhooks: writes events of one app to the log, and asks the record about its endpoints."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import msgspec

from parlour.contracts import events as ev
from parlour.contracts import subjects
from parlour.contracts import webhooks as ask
from parlour.contracts.envelope import Envelope, encode_envelope
from parlour.kernel.log import Append, AppendUnit, Committed, LogKey, NewEvent
from parlour.runtime.deciding import sealing
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.postgres import PostgresLog, PostgresUserKeyStore, create_pool
from parlour.runtime.settings import BusSettings, RuntimeSettings, load
from parlour.testkit.units import new_log
from parlour.testkit.waiting import eventually

WITHIN_S = 20.0
QUICK = {
    "PARLOUR_RECORD_WEBHOOK_NETWORKS": "127.0.0.0/8",
    "PARLOUR_RECORD_WEBHOOK_FIRST_RETRY_S": "0.05",
    "PARLOUR_RECORD_WEBHOOK_LONGEST_RETRY_S": "0.2",
    "PARLOUR_RECORD_WEBHOOK_TIMEOUT_S": "0.5",
    "PARLOUR_RECORD_WEBHOOK_LEASE_S": "1.5",
}
Environment = Callable[[str], dict[str, str]]


class WebhookClient:
    """Writes to the log of one app, and asks the record about its webhooks."""

    def __init__(self, bus: Bus, log: PostgresLog, people: PostgresUserKeyStore) -> None:
        self.bus = bus
        self.log = log
        self.people = people
        self.app = uuid4().int % 2**31 + 1

    async def do(self, question: msgspec.Struct, app: int = 0) -> Any:
        verb = ask.verb_of(question)
        subject = subjects.command(app or self.app, "record", "", verb)
        return await self.bus.request(subject, question, ask.VERBS[verb][1], WITHIN_S)

    async def add(self, url: str, **fields: Any) -> ask.Webhook:
        return await self.do(ask.AddWebhook(url=url, command_id=str(uuid4()), **fields))

    async def until_failed(self, hook: ask.Webhook, number: int) -> tuple[ask.Delivery, ...]:
        """The attempts that failed, when there are so many in the delivery log."""
        return await self._until_noted(ask.ListDeliveries(hook.id, failed=True), number)

    async def until_delivered(self, hook: ask.Webhook, number: int) -> tuple[ask.Delivery, ...]:
        """All attempts, when there are so many in the delivery log."""
        return await self._until_noted(ask.ListDeliveries(hook.id), number)

    async def _until_noted(self, question: ask.ListDeliveries, number: int) -> tuple[ask.Delivery, ...]:

        async def noted() -> tuple[ask.Delivery, ...] | None:
            found = (await self.do(question)).deliveries
            return found if len(found) >= number else None

        return await eventually(noted, f"{number} deliveries", timeout_s=WITHIN_S, poll_s=0.05)

    async def until_listed(self, hook: ask.Webhook, true: Callable[[ask.Webhook], bool]) -> ask.Webhook:
        """The endpoint as it is listed, when that is true of it."""

        async def listed() -> ask.Webhook | None:
            (one,) = (await self.do(ask.ListWebhooks(hook.id))).webhooks
            return one if true(one) else None

        return await eventually(listed, "the endpoint is listed so", timeout_s=WITHIN_S, poll_s=0.05)

    async def write(self, key: LogKey, *events: ev.Event, creates: bool = False) -> None:
        await self.people.load(frozenset(sealing.actor_of(e) for e in events if sealing.needs_key(e)))
        made = tuple(self._new(key, event) for event in events)
        unit = AppendUnit(
            key.app, str(uuid4()), "test", b"", appends=(Append(key, events[0].AGGREGATE, None, made, creates),)
        )
        (outcome,) = await self.log.append((unit,))
        assert isinstance(outcome, Committed)

    def _new(self, key: LogKey, event: ev.Event) -> NewEvent:
        data = sealing.seal_event(self.people, event)
        envelope = Envelope(str(key.uid), event.AGGREGATE, 0, event.TAG, sealing.actor_of(event), "", "", "", data)
        return NewEvent(event.TAG, int(ev.audience_of(event)), encode_envelope(envelope))

    async def room(self, joins: int = 0, app: int = 0) -> LogKey:
        key = new_log(app=app or self.app)
        await self.write(key, ev.RoomOpened(key.app, key.room), creates=True)
        for number in range(joins):
            await self.join(key, f"u{number}")
        return key

    async def join(self, key: LogKey, user: str) -> ev.UserJoined:
        joined = ev.UserJoined(f"s-{user}", await self.people.actor(key.app, user), user, user.title())
        await self.write(key, joined)
        return joined


@asynccontextmanager
async def connect_webhook_client(environment: Environment, postgres: str) -> AsyncGenerator[WebhookClient]:
    """Writes as the database's owner: events of every aggregate."""
    async with AsyncExitStack() as stack:
        writer = load(RuntimeSettings, environment("room") | {"PARLOUR_POSTGRES_DSN": postgres})
        bus = await stack.enter_async_context(await Bus.connect(load(BusSettings, environment("test")), "test"))
        pool = await create_pool(writer.postgres_dsn, name="test")
        stack.push_async_callback(pool.close)
        yield WebhookClient(bus, PostgresLog(pool), PostgresUserKeyStore(pool, writer.master_key))
