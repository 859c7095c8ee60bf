"""Puts the service together: the only place where adapters are chosen."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from parlour.runtime.background.leases import Lease, advisory
from parlour.runtime.deciding.sealing import open_for_fold, open_records
from parlour.runtime.life.clock import SystemClock
from parlour.runtime.life.connections import Connections, connected
from parlour.runtime.life.process import Service
from parlour.runtime.life.settings import BadSettings
from parlour.runtime.messaging.reader_limits import ReaderLimits
from parlour.runtime.postgres import create_pool
from parlour.runtime.telemetry.logging import logger

from .adapters.archive_folder import ArchiveFolder
from .adapters.archive_index import PostgresArchiveIndex
from .adapters.call_reader import PLANNER, PostgresCallReader
from .adapters.checkpoint_keys import SHARED_ORIGIN, Keyring
from .adapters.damaged_events import PostgresDamagedEvents
from .adapters.export_log import PostgresExportLog
from .adapters.generations import PostgresGenerations
from .adapters.open_rooms import PostgresOpenRooms
from .adapters.projections import PostgresProjections
from .adapters.retention import WHOLE_MONTHS, PostgresRetention
from .adapters.samples import PostgresSampleStore
from .adapters.signed_tree_file import SignedTreeFile
from .adapters.table_maintenance import PostgresTableMaintenance
from .adapters.tree_store import PostgresTreeStore
from .adapters.webhook_deliveries import PostgresDeliveryStore, SecretVault
from .adapters.webhook_endpoints import PostgresEndpointRepository
from .adapters.webhook_sender import sending
from .api import history as history_api
from .api import proofs as proofs_api
from .api import retention as retention_api
from .api.bus import Publisher, RoomQuestions, listen
from .api.webhooks_bus import WebhookCommands, wake
from .app.archive_index import ArchiveIndex
from .app.damaged_events import DamageReport
from .app.history.calls import CallQueries
from .app.history.generations import ProjectionRunner
from .app.history.projector import Projector
from .app.history.quality import QualityQueries
from .app.history.read_your_writes import ReadYourWrites
from .app.history.samples import SampleIntake
from .app.maintenance import TableMaintenance, keep
from .app.proofs.checkpoints import Checkpoints
from .app.proofs.exports import EventExports
from .app.proofs.queries import ProofQueries
from .app.proofs.tree_checks import TreeChecks
from .app.proofs.tree_guard import TreeGuard
from .app.publishing.tail import LogTail, persist
from .app.retention.schedule import RetentionSchedule
from .app.retention.verifier import ArchiveVerifier
from .app.retention.writer import ArchiveWriter
from .app.rooms.queries import RoomQueries
from .app.rooms.states import RoomStates
from .app.webhooks.admin import WebhookAdmin
from .app.webhooks.attempts import AttemptSender
from .app.webhooks.delivery_log import forget
from .app.webhooks.page_cache import PageCache
from .app.webhooks.pool import WorkerPool
from .app.webhooks.worker import Worker
from .domain.webhooks.addresses import networks
from .domain.webhooks.attempts import Schedule
from .domain.webhooks.endpoint import Endpoint
from .settings import RecordSettings

log = logger(__name__)


@asynccontextmanager
async def build(settings: RecordSettings) -> AsyncIterator[Service]:
    """The running service."""
    async with connected(settings, "record") as to, _parts(settings, to):
        yield Service(to.metrics, to.checks)


@asynccontextmanager
async def _parts(settings: RecordSettings, to: Connections) -> AsyncIterator[None]:
    damages = _damages(to)
    async with (
        assembled(
            settings,
            to,
            PostgresTableMaintenance(to.pool),
            PostgresArchiveIndex(to.pool),
            advisory(settings.postgres_dsn),
        ),
        history(settings, to, damages),
        proofs(settings, to),
        webhooks(settings, to, damages),
    ):
        yield


@asynccontextmanager
async def assembled(
    settings: RecordSettings, to: Connections, tables: TableMaintenance, shelf: ArchiveIndex, lease: Lease
) -> AsyncIterator[None]:
    """Everything above the connections. Each replica answers questions; one of them tails the log."""
    folds = RoomStates(to.log, to.people, open_for_fold)
    readers = ReaderLimits(settings.questions_per_s, settings.questions_at_once)
    await RoomQuestions(RoomQueries(to.log, to.people, open_records, folds, shelf), readers).serve(to.bus)
    tail = _tail(settings, to)
    await listen(to.bus, tail)
    async with asyncio.TaskGroup() as group:
        leader = group.create_task(persist(lambda: _lead(settings, tail, tables, lease), _waits))
        yield
        leader.cancel()


@asynccontextmanager
async def webhooks(settings: RecordSettings, to: Connections, damages: DamageReport) -> AsyncIterator[None]:
    """Endpoints are shared among replicas by leases; every replica answers questions about all of them."""
    vault, pages = SecretVault(settings.master_key), PageCache(to.log)
    store = PostgresDeliveryStore(to.pool, vault)
    noted = to.metrics.counter(
        "webhook_attempts", "Attempts to deliver to webhooks, by what came of them.", ("outcome",)
    )
    schedule = Schedule(
        settings.webhook_first_retry_s, settings.webhook_longest_retry_s, settings.webhook_give_up_h * 3600
    )
    owner = f"{settings.instance}-{secrets.token_hex(4)}"
    async with sending(networks(settings.webhook_networks), settings.webhook_timeout_s) as sender:
        attempts = AttemptSender(
            to.log, to.people, open_records, RoomStates(to.log, to.people, open_for_fold), sender.post
        )
        await WebhookCommands(WebhookAdmin(PostgresEndpointRepository(to.pool, vault), attempts, sender.why_not)).serve(
            to.bus
        )

        def fault(error: BaseException) -> None:
            to.bus.fault("webhook", error)

        def make(endpoint: Endpoint) -> Worker:
            return Worker(
                endpoint, owner, store=store, log=to.log, pages=pages, attempts=attempts, damages=damages, schedule=schedule,
                note=lambda outcome: noted.labels(outcome).inc(), fault=fault,
            )  # fmt: skip

        fleet = WorkerPool(
            store, to.log, make, fault, owner=owner, lease_s=settings.webhook_lease_s,
            poll_s=settings.poll_ms / 1000,
        )  # fmt: skip
        await wake(to.bus, fleet.wake)
        tidy = lambda: forget(store, settings.webhook_log_kept_h * 3600)  # noqa: E731
        async with asyncio.TaskGroup() as group:
            work = [group.create_task(persist(one, _waits)) for one in (fleet.run, tidy)]
            yield
            for task in work:
                task.cancel()


async def _lead(settings: RecordSettings, tail: LogTail, tables: TableMaintenance, lease: Lease) -> None:
    """The work of which one replica's is enough, as long as this one holds the lease."""
    async with lease("record"):
        log.info("record_leads")
        upkeep = lambda: keep(  # noqa: E731
            tables, months_ahead=settings.months_ahead, answers_kept_s=settings.answers_kept_h * 3600,
            quality_kept_s=settings.quality_kept_days * 86_400,
        )  # fmt: skip
        async with asyncio.TaskGroup() as group:
            for work in (tail.run, tail.tell_heads, upkeep):
                group.create_task(persist(work, _waits))


@asynccontextmanager
async def history(settings: RecordSettings, to: Connections, damages: DamageReport) -> AsyncIterator[None]:
    """Calls of the past: each replica answers questions, one keeps the projections behind the log."""
    generations = PostgresGenerations(to.pool)
    projected = to.metrics.counter("projected_events", "Events folded into the projections of history.")
    taken = to.metrics.counter(
        "quality_samples", "Quality samples that relays sent, by what became of them.", ("outcome",)
    )
    keeper = ProjectionRunner(
        generations,
        lambda number: Projector(PostgresProjections(to.pool, number), damages),
        lambda _number, events: projected.inc(events),
        poll_s=settings.history_poll_ms / 1000,
    )
    lease = advisory(settings.postgres_dsn)

    async def lead() -> None:
        async with lease("record.history"):
            await keeper.run()

    await keeper.prepare()
    async with (
        await create_pool(settings.postgres_dsn, name="record-history", planner=PLANNER) as pool,
        asyncio.TaskGroup() as group,
    ):
        reads, samples = PostgresCallReader(pool), PostgresSampleStore(pool)
        calls = CallQueries(reads, to.people, ReadYourWrites(to.log, reads), PostgresArchiveIndex(to.pool))
        quality = QualityQueries(calls, samples, reads, to.people)
        await history_api.serve(to.bus, calls, quality, generations, PostgresOpenRooms(to.pool))
        await history_api.listen(
            to.bus, SampleIntake(samples, lambda outcome, number: taken.labels(outcome).inc(number))
        )
        leader = group.create_task(persist(lead, _waits))
        yield
        leader.cancel()


@asynccontextmanager
async def proofs(settings: RecordSettings, to: Connections) -> AsyncIterator[None]:
    """The tree of room heads: each replica proves and watches, one makes checkpoints."""
    if settings.origin == SHARED_ORIGIN:
        raise BadSettings(
            (
                f"PARLOUR_RECORD_ORIGIN is {SHARED_ORIGIN}, which is nobody's own: name your domain and a path, or leave it out",
            )
        )
    tree, keys = PostgresTreeStore(to.pool), Keyring(to.pool, settings.master_key, settings.origin)
    shelf = PostgresArchiveIndex(to.pool)
    stored = EventExports(to.log, to.people, open_records, PostgresExportLog(to.pool), shelf)
    checkpoints = Checkpoints(tree, keys.signing, TreeGuard(tree, keys.own), _memory(settings), SystemClock().at)
    _show(checkpoints, to)
    await proofs_api.serve(to.bus, ProofQueries(tree, to.log, shelf), TreeChecks(tree, checkpoints), stored, keys)
    lease = advisory(settings.postgres_dsn)

    async def lead() -> None:
        async with lease("record.checkpoints"):
            await checkpoints.run(settings.checkpoint_s)

    async with retention(settings, to, tree, keys), asyncio.TaskGroup() as group:
        work = [
            group.create_task(persist(one, _waits)) for one in (lead, lambda: checkpoints.watch(settings.checkpoint_s))
        ]
        yield
        for task in work:
            task.cancel()


def _memory(settings: RecordSettings) -> SignedTreeFile:
    try:
        return SignedTreeFile(Path(settings.state))
    except OSError as error:
        raise BadSettings(
            (f"PARLOUR_RECORD_STATE: {error}: name a folder that this service may write and that stays",)
        ) from None


def _show(checkpoints: Checkpoints, to: Connections) -> None:
    standing = checkpoints.standing
    to.metrics.measured(
        "tree_damaged",
        "1 while the tree is not what was signed, and nothing is signed.",
        lambda: float(bool(standing.problem)),
    )
    to.metrics.measured("tree_leaves", "Heads of rooms in the last checkpoint.", lambda: standing.size)
    to.metrics.measured(
        "heads_refused", "Heads that were not signed: an event that was signed before is not there any more.",
        lambda: standing.refused,
    )  # fmt: skip


@asynccontextmanager
async def retention(
    settings: RecordSettings, to: Connections, tree: PostgresTreeStore, keys: Keyring
) -> AsyncIterator[None]:
    """Old months: each replica tells where it stands, one at a time exports and drops."""
    if settings.keep_months and not settings.archive:
        raise BadSettings(("PARLOUR_RECORD_ARCHIVE is not set: old months are dropped only after they were exported",))
    folder = ArchiveFolder(Path(settings.archive))
    async with (
        await create_pool(
            settings.postgres_dsn, name="record-retention", min_size=0, max_size=2, planner=WHOLE_MONTHS
        ) as pool,
        asyncio.TaskGroup() as group,
    ):
        store = PostgresRetention(pool)
        rounds = RetentionSchedule(
            store, ArchiveWriter(store, to.log, tree, folder), ArchiveVerifier(store, folder, keys.public), to.people,
            advisory(settings.postgres_dsn), SystemClock().at,
            lambda error: to.bus.fault("retention", error), keep_months=settings.keep_months, folder=settings.archive,
        )  # fmt: skip
        await retention_api.serve(to.bus, rounds)
        work = group.create_task(persist(lambda: rounds.run(settings.retention_s), _waits))
        yield
        work.cancel()


def _tail(settings: RecordSettings, to: Connections) -> LogTail:
    counted = to.metrics.counter(
        "tailed_events", "Events seen in the log, by whether NATS had carried them.", ("outcome",)
    )
    outcomes = {outcome: counted.labels(outcome) for outcome in ("told", "repaired", "too_old", "damaged")}
    return LogTail(
        to.log,
        to.people,
        Publisher(to.bus).publish,
        open_records,
        lambda outcome, number: outcomes[outcome].inc(number),
        grace_s=settings.grace_ms / 1000,
        poll_s=settings.poll_ms / 1000,
        beacon_s=settings.beacon_ms / 1000,
    )


def _damages(to: Connections) -> DamageReport:
    counted = to.metrics.counter("damaged_events", "Events that could not be read and were gone past.", ("reader",))
    return DamageReport(PostgresDamagedEvents(to.pool), lambda reader, number: counted.labels(reader).inc(number))


def _waits(error: Exception) -> None:
    log.warning("record_waits", error=str(error))
