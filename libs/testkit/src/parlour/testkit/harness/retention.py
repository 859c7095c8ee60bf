"""A desk for tests of retention: calls, checkpoints over them, and rounds whose clock is months ahead."""

import dataclasses
import secrets
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.envelope import Envelope, encode_envelope
from parlour.kernel.log import Append, Committed, LogKey, NewEvent
from parlour.record.adapters.files import ArchiveFolder, SignedTreeFile
from parlour.record.adapters.proofs import PostgresKeyStore, PostgresTreeStore
from parlour.record.adapters.retention import PostgresArchiveIndex, PostgresRetention
from parlour.record.app.proofs.checkpoints import Checkpoints
from parlour.record.app.proofs.keys import CheckpointKeys
from parlour.record.app.proofs.queries import ProofQueries
from parlour.record.app.proofs.tree_guard import TreeGuard
from parlour.record.app.retention.schedule import RetentionSchedule
from parlour.record.app.retention.verifier import ArchiveVerifier
from parlour.record.app.retention.writer import ArchiveWriter
from parlour.runtime.background.leases import always
from parlour.runtime.clock import SystemClock
from parlour.runtime.postgres import PostgresLog, PostgresUserKeyStore, create_pool
from parlour.runtime.postgres.pool import SCAN_PLANS, Pool
from parlour.runtime.settings import RuntimeSettings, load
from parlour.testkit.units import append, new_log, unit
from parlour.verify.layout import LINE_BYTES
from parlour.verify.verdict import Verdict
from parlour.verify.verifier import verify_export

ORIGIN = "test.example/record"
MONTH_US = 31 * 86_400 * 1_000_000
LATER = 3
"""By so many months the rounds' clock is ahead; they keep one."""


def keys_in(pool: Pool, master_key: bytes, origin: str) -> CheckpointKeys:
    """The keys of an installation with this master key and origin."""
    return CheckpointKeys(PostgresKeyStore(pool, master_key), origin, SystemClock(), secrets.token_bytes)


@dataclasses.dataclass
class ClockAhead:
    """The time in so many months."""

    months: int

    def at(self) -> int:
        return SystemClock().at() + self.months * MONTH_US


@dataclasses.dataclass
class RetentionHarness:
    """`owner` may do everything, `record` what its role may."""

    owner: Pool
    record: Pool
    folder: Path
    master_key: bytes

    def __post_init__(self) -> None:
        self.log = PostgresLog(self.owner)
        self.people = PostgresUserKeyStore(self.record, self.master_key)
        self.keys = keys_in(self.record, self.master_key, ORIGIN)
        self.store = PostgresRetention(self.record)
        self.shelf = PostgresArchiveIndex(self.record)
        self.tree = PostgresTreeStore(self.record)
        self.proofs = ProofQueries(self.tree, self.log, self.shelf)
        guard, memory = (
            TreeGuard(self.tree, self.keys.own_keys),
            SignedTreeFile(self.folder.with_name(self.folder.name + "-signed")),
        )
        self.checkpoints = Checkpoints(self.tree, self.keys.signing_keys, guard, memory, SystemClock())

    async def room(self, *, app: int = 77, closes: bool = True, actor: str = "", uid: UUID | None = None) -> LogKey:
        key = new_log(app=app)
        if uid is not None:
            key = msgspec.structs.replace(key, uid=uid)
        said = tuple(self.event(key, "room", "room.test.v1", {"actor": actor or "nobody"}) for _ in range(3))
        await self.write(Append(key, "room", None, said, creates=True))
        if closes:
            await self.close(key)
        return key

    async def close(self, key: LogKey) -> None:
        await self.write(append(key, closes=True))

    async def app_log(self, app: int) -> LogKey:
        key = msgspec.structs.replace(new_log(app=app), room="")
        await self.write(
            Append(key, "app", None, (self.event(key, "app", "app.created.v1", {"app": app}),), creates=True)
        )
        return key

    async def hold(self, app_log: LogKey, what: str, *, actor: str = "", room: str = "") -> None:
        """`what`: placed or released."""
        event = self.event(app_log, "privacy", f"app.hold_{what}.v1", {"actor": actor, "room": room})
        await self.write(Append(app_log, "privacy", None, (event,)))

    @staticmethod
    def event(key: LogKey, aggregate: str, type_: str, data: dict[str, Any]) -> NewEvent:
        raw = msgspec.Raw(msgspec.json.encode(data))
        audience = ev.BY_TAG[type_].AUDIENCE if type_ in ev.BY_TAG else ev.Audience.MEMBERS
        return NewEvent(
            type_, int(audience), encode_envelope(Envelope(str(key.uid), aggregate, 0, type_, "", "", "", "", raw))
        )

    async def write(self, *appends: Append[NewEvent]) -> None:
        (outcome,) = await self.log.append((unit(*appends),))
        assert isinstance(outcome, Committed), outcome

    async def signed(self) -> None:
        while await self.checkpoints.make():
            pass

    def rounds(self, *, store: PostgresRetention | None = None, months_later: int = LATER) -> RetentionSchedule:
        chosen, folder = store or self.store, ArchiveFolder(self.folder)
        writer = ArchiveWriter(chosen, self.log, self.tree, folder, SystemClock())
        return RetentionSchedule(
            chosen, writer, ArchiveVerifier(chosen, folder, self.keys.public_keys), self.people, always,
            ClockAhead(months_later), _raise, keep_months=1, folder=str(self.folder),
        )  # fmt: skip

    async def here(self, key: LogKey) -> int:
        """How many events of a log the database has."""
        return len(await self.log.read(key.uid, 0, 1000))

    async def in_sql(self, key: LogKey) -> tuple[bool | None, str | None]:
        row = await self.owner.fetchrow("SELECT * FROM parlour.verify($1)", key.uid)
        assert row is not None
        return row["ok"], row["problem"]

    async def verdict(self, file: str) -> Verdict:
        return verify_export(ArchiveFolder(self.folder).lines(file, LINE_BYTES + 1), await self.keys.public_keys())


def _raise(error: Exception) -> None:
    raise error


@asynccontextmanager
async def running_retention(
    environment: Callable[[str], dict[str, str]], postgres: str
) -> AsyncGenerator[RetentionHarness]:
    """With a folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="parlour-archive-"))
    async with AsyncExitStack() as stack:
        for one in (folder, folder.with_name(folder.name + "-signed")):
            stack.callback(shutil.rmtree, one, ignore_errors=True)
        owner = await stack.enter_async_context(await create_pool(postgres, name="owner"))
        settings = load(RuntimeSettings, environment("record"))
        pool = await create_pool(settings.postgres_dsn, name="record", planner=SCAN_PLANS)
        yield RetentionHarness(owner, await stack.enter_async_context(pool), folder, settings.master_key)
