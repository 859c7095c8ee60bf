"""An auditor of a running record: writes rooms as the services do, has them signed and exported, and verifies files and database."""

import io
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec

from parlour.cli.audit.export import write_export
from parlour.cli.operator.connection import send_query
from parlour.contracts import events as ev
from parlour.contracts import proofs as contract
from parlour.contracts.envelope import Envelope, encode_envelope
from parlour.kernel.log import Append, Claim, LogKey, NewEvent
from parlour.record.settings import RecordSettings
from parlour.record.wiring import build
from parlour.runtime.deciding import sealing
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.postgres import PostgresLog, PostgresUserKeyStore, create_pool
from parlour.runtime.postgres.pool import Pool
from parlour.runtime.settings import BusSettings, load
from parlour.testkit.units import APP, new_log, unit
from parlour.testkit.waiting import eventually
from parlour.verify.notes import PublicKey, parse_key
from parlour.verify.verdict import Verdict
from parlour.verify.verifier import verify_export

WITHIN_S = 20.0
ROOMS_OF_ONE = 1000
"""Rooms that Ann is in at once, in a database of many tests."""


class Auditor:
    """Has the database as its owner, and asks the record over NATS as the command line does."""

    def __init__(self, owner: Pool, people: PostgresUserKeyStore, bus: Bus) -> None:
        self.owner = owner
        self.people = people
        self.bus = bus

    async def room(self, events: int = 8, user: str = "ann") -> LogKey:
        """A room with sealed messages."""
        key = new_log()
        actor = await self.people.actor(key.app, user)
        await self.people.load(frozenset({actor}))
        sent = [ev.BroadcastSent("s", actor, f"text {n}") for n in range(events - 1)]
        opened = Append(key, "room", None, (self._new(key, ev.RoomOpened(key.app, key.room)),), creates=True)
        messages = Append(key, "im", None, tuple(self._new(key, event) for event in sent))
        named = Claim("take", "open_room", key.app, key.room, str(key.uid))
        await PostgresLog(self.owner).append((unit(opened, messages, claims=(named,)),))
        return key

    async def call(self) -> LogKey:
        """An open room of eight events: Ann publishes, Bob writes a command to Ann (5) and three messages to all (6 to 8)."""
        key = new_log()
        ann, bob = [await self.people.actor(APP, user) for user in ("ann", "bob")]
        await self.people.load(frozenset({ann, bob}))
        opened = Append(key, "room", None, (self._new(key, ev.RoomOpened(APP, key.room)),), creates=True)
        joined = (ev.UserJoined("sa", ann, "ann", "Ann"), ev.UserJoined("sb", bob, "bob", "Bob"))
        added = ev.StreamAdded(key.room, "sa", ann, "relay-1", "t1", "", "VP8")
        sent = (
            ev.CommandSent("sb", bob, "for Ann alone", (ann,)),
            *(ev.BroadcastSent("sb", bob, f"{n}") for n in "678"),
        )
        appends = [
            Append(key, of, None, tuple(self._new(key, event) for event in events))
            for of, events in (("room", joined), ("streams", (added,)), ("im", sent))
        ]
        claims = (
            Claim("take", "open_room", APP, key.room, str(key.uid)),
            Claim("take", "client_session", APP, ann, "sa", key.room, ROOMS_OF_ONE),
            Claim("take", "client_session", APP, bob, "sb", key.room, ROOMS_OF_ONE),
            Claim("take", "live_stream", APP, key.room, f"sa/{ann}/{key.uid}"),
        )
        await PostgresLog(self.owner).append((unit(opened, *appends, claims=claims),))
        return key

    async def app_log(self, *events: ev.Event, app: int = APP) -> LogKey:
        """An app's own log, with these events behind its first one."""
        key = msgspec.structs.replace(new_log(app=app), room="")
        created = Append(key, "app", None, (self._new(key, ev.AppCreated(app, "")),), creates=True)
        rest = [Append(key, event.AGGREGATE, None, (self._new(key, event),)) for event in events]
        await PostgresLog(self.owner).append((unit(created, *rest),))
        return key

    async def erased(self, app: int, user: str) -> None:
        """As auth does it: the key goes, and the app's own log says so."""
        actor = await self.people.actor(app, user)
        assert await self.people.erase(app, user)
        await self.app_log(ev.UserErased(actor), app=app)

    def _new(self, key: LogKey, event: ev.Event) -> NewEvent:
        data = sealing.seal_event(self.people, event)
        envelope = Envelope(str(key.uid), event.AGGREGATE, 0, event.TAG, sealing.actor_of(event), "", "", "", data)
        return NewEvent(event.TAG, int(ev.audience_of(event)), encode_envelope(envelope))

    async def signed(self, key: LogKey) -> contract.Inclusion:
        """Waits until a checkpoint has the log's head; gives the proof."""

        async def included() -> contract.Inclusion | None:
            query = contract.InclusionQuery(str(key.uid))
            found = await send_query(self.bus, "inclusion", query, contract.Inclusion)
            return found if found.size else None

        return await eventually(included, "a checkpoint has the head", timeout_s=WITHIN_S, poll_s=0.05)

    async def exported(self, key: LogKey, wait_s: float = WITHIN_S, since: int = 0) -> bytes:
        """The file that `parlour audit export` writes."""
        out = io.BytesIO()
        await write_export(self.bus, str(key.uid), out, by="an auditor", wait_s=wait_s, since=since)
        return out.getvalue()

    async def keys(self) -> tuple[PublicKey, ...]:
        """Those that the record names now."""
        found = await send_query(self.bus, "keys", contract.KeysQuery(), contract.CheckpointKeys)
        return tuple(parse_key(one.key) for one in found.keys)

    async def verdict(self, exported: bytes) -> Verdict:
        """Of a file, with the keys that the record names now."""
        return verify_export(exported.splitlines(keepends=True), await self.keys())

    async def in_sql(self, key: LogKey) -> tuple[bool, int | None]:
        """What `parlour.verify` says: whether all is well, and the first broken event."""
        row = await self.owner.fetchrow("SELECT * FROM parlour.verify($1)", key.uid)
        assert row is not None
        return row["ok"], row["broken_seq"]


@asynccontextmanager
async def running_auditor(
    postgres: str, record: dict[str, str], client: dict[str, str], checkpoint_s: float = 0.2
) -> AsyncGenerator[Auditor]:
    """With a record service in this process; `record` and `client` are the environments of the service and of the command line."""
    async with AsyncExitStack() as stack:
        settings = load(RecordSettings, record | {"PARLOUR_RECORD_CHECKPOINT_S": str(checkpoint_s)})
        await stack.enter_async_context(build(settings))
        owner = await stack.enter_async_context(await create_pool(postgres, name="owner"))
        bus = await stack.enter_async_context(await Bus.connect(load(BusSettings, client), "cli"))
        yield Auditor(owner, PostgresUserKeyStore(owner, settings.master_key), bus)
