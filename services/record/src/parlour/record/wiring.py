"""Puts the service together: the only place where adapters, clock and chance are chosen."""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from parlour.runtime.background.leases import Lease, advisory
from parlour.runtime.clock import SystemClock, SystemIds
from parlour.runtime.deciding.sealing import open_for_fold
from parlour.runtime.messaging.reader_limits import ReaderLimits
from parlour.runtime.postgres import create_pool
from parlour.runtime.postgres.pool import SCAN_PLANS
from parlour.runtime.process.connections import Connections, open_connections
from parlour.runtime.process.run import Service
from parlour.runtime.settings import BadSettings
from parlour.runtime.telemetry.logging import logger

from .adapters.files import ArchiveFolder, SignedTreeFile
from .adapters.history import PLANNER, PostgresCallReader, PostgresOpenRooms, PostgresSampleStore
from .adapters.maintenance import PostgresDamagedEvents, PostgresTableMaintenance
from .adapters.projections import PostgresGenerations, PostgresProjections
from .adapters.proofs import PostgresExportLog, PostgresKeyStore, PostgresTreeStore
from .adapters.retention import PostgresArchiveIndex, PostgresRetention
from .adapters.webhook_sender import open_sender
from .adapters.webhooks import PostgresWebhooks
from .api import bus as rooms_api
from .api import history as history_api
from .api import operators as operators_api
from .app.archive_index import ArchiveIndex
from .app.damaged_events import DamageReport
from .app.history.calls import CallQueries
from .app.history.generations import ProjectionRunner
from .app.history.projector import Projector
from .app.history.quality import QualityQueries, SampleIntake
from .app.history.read_your_writes import ReadYourWrites
from .app.maintenance import TableMaintenance, maintain_tables, trim_delivery_log
from .app.pacing import restart_forever
from .app.proofs.checkpoints import Checkpoints
from .app.proofs.exports import EventExports
from .app.proofs.keys import SHARED_ORIGIN, CheckpointKeys
from .app.proofs.queries import ProofQueries
from .app.proofs.tree_guard import TreeGuard
from .app.publishing.tail import LogTail
from .app.retention.schedule import RetentionSchedule
from .app.retention.verifier import ArchiveVerifier
from .app.retention.writer import ArchiveWriter
from .app.rooms.queries import RoomQueries
from .app.rooms.states import RoomStates
from .app.webhooks.admin import WebhookAdmin
from .app.webhooks.attempts import AttemptSender
from .app.webhooks.page_cache import PageCache
from .app.webhooks.pool import WorkerPool
from .app.webhooks.worker import Worker
from .domain.webhooks.addresses import parse_networks
from .domain.webhooks.attempts import Schedule
from .settings import RecordSettings

log = logger(__name__)
Work = Callable[[], Awaitable[None]]


@asynccontextmanager
async def build(settings: RecordSettings) -> AsyncIterator[Service]:
    """Yields the running service, which ends with the block."""
    async with open_connections(settings, "record") as conns:
        tables, archives = PostgresTableMaintenance(conns.pool), PostgresArchiveIndex(conns.pool)
        damage, lease = _damage_report(conns), advisory(settings.postgres_dsn)
        async with (
            assembled(settings, conns, tables, archives, lease),
            _history(settings, conns, archives, damage, lease),
            _proofs(settings, conns, archives, lease),
            _webhooks(settings, conns, damage),
        ):
            yield Service(conns.metrics, conns.checks)


@asynccontextmanager
async def assembled(
    settings: RecordSettings, conns: Connections, tables: TableMaintenance, archives: ArchiveIndex, lease: Lease
) -> AsyncIterator[None]:
    """Room questions and the tail: each replica answers, one of them follows the log and maintains the tables."""
    states = RoomStates(conns.log, conns.people, open_for_fold)
    readers = ReaderLimits(settings.questions_per_s, settings.questions_at_once)
    await rooms_api.serve(conns.bus, RoomQueries(conns.log, conns.people, states, archives), readers)
    tail = _tail(settings, conns)
    await rooms_api.listen(conns.bus, tail.add_sighting)
    conns.bus.on_reconnect(tail.heads.announce_again)

    maintain = partial(
        maintain_tables, tables, SystemClock(), months_ahead=settings.months_ahead,
        answers_kept_s=settings.answers_kept_h * 3600, quality_kept_s=settings.quality_kept_days * 86_400,
    )  # fmt: skip

    async def lead() -> None:
        log.info("record_leads")
        async with _running(tail.run, tail.announce_heads, maintain):
            await asyncio.Event().wait()

    async with _running(partial(_lead, lease, "record", lead)):
        yield


async def _lead(lease: Lease, name: str, work: Work) -> None:
    """Does endless work that one replica at a time needs to do."""
    async with lease(name):
        await work()


@asynccontextmanager
async def _running(*works: Work) -> AsyncIterator[None]:
    """Runs endless work as long as the block runs; restarts it when the log or NATS was away."""

    def warn(error: Exception) -> None:
        log.warning("record_waits", error=str(error))

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(restart_forever(work, warn, random.random)) for work in works]
        yield
        for task in tasks:
            task.cancel()


@asynccontextmanager
async def _webhooks(settings: RecordSettings, conns: Connections, damage: DamageReport) -> AsyncIterator[None]:
    """Endpoints are shared among replicas by leases; every replica answers questions about all of them."""
    clock, states = SystemClock(), RoomStates(conns.log, conns.people, open_for_fold)
    store, pages = PostgresWebhooks(conns.pool, settings.master_key), PageCache(conns.log)
    counted = conns.metrics.counter(
        "webhook_attempts", "Attempts to deliver to webhooks, by their outcome.", ("outcome",)
    )
    schedule = Schedule(
        settings.webhook_first_retry_s, settings.webhook_longest_retry_s, settings.webhook_give_up_h * 3600
    )
    owner = f"{settings.instance}-{secrets.token_hex(4)}"
    async with open_sender(parse_networks(settings.webhook_networks), settings.webhook_timeout_s) as sender:
        attempts = AttemptSender(conns.log, conns.people, states, sender.post, clock, secrets.token_bytes)
        admin = WebhookAdmin(store, attempts, sender.find_url_problem, clock, SystemIds(), secrets.token_bytes)
        await operators_api.serve_webhooks(conns.bus, admin)

        fault = partial(conns.bus.report_fault, "webhook")
        make_worker = partial(
            Worker, owner=owner, store=store, log=conns.log, pages=pages, attempts=attempts, damage=damage, schedule=schedule,
            count=lambda outcome: counted.labels(outcome).inc(), fault=fault, clock=clock, chance=random.random,
        )  # fmt: skip
        trim = partial(trim_delivery_log, store, clock, settings.webhook_log_kept_h * 3600)
        pool = WorkerPool(
            store, conns.log, make_worker, fault, clock, owner=owner, lease_s=settings.webhook_lease_s,
            poll_s=settings.poll_ms / 1000,
        )  # fmt: skip
        await rooms_api.listen(conns.bus, lambda _: pool.wake())
        async with _running(pool.run, trim):
            yield


@asynccontextmanager
async def _history(
    settings: RecordSettings, conns: Connections, archives: ArchiveIndex, damage: DamageReport, lease: Lease
) -> AsyncIterator[None]:
    """Calls of the past: each replica answers questions, one folds the log into the projections."""
    generations = PostgresGenerations(conns.pool)
    projected = conns.metrics.counter("projected_events", "Events folded into the projections of history.")
    sampled = conns.metrics.counter(
        "quality_samples", "Quality samples that relays sent, by what became of them.", ("outcome",)
    )
    runner = ProjectionRunner(
        generations, lambda number: Projector(PostgresProjections(conns.pool, number), damage), projected.inc,
        poll_s=settings.history_poll_ms / 1000,
    )  # fmt: skip
    conns.metrics.measured("projection_lag_events", "Events that the projections of history lack.", lambda: runner.lag)
    lead = partial(_lead, lease, "record.history", runner.run)
    await runner.prepare()
    async with await create_pool(settings.postgres_dsn, name="record-history", planner=PLANNER) as pool, _running(lead):
        reader, samples = PostgresCallReader(pool), PostgresSampleStore(pool)
        calls = CallQueries(reader, conns.people, ReadYourWrites(conns.log, reader.call), archives)
        quality = QualityQueries(calls, samples, reader, conns.people)
        await history_api.serve(conns.bus, calls, quality, generations, PostgresOpenRooms(conns.pool).page)
        intake = SampleIntake(samples, lambda outcome, number: sampled.labels(outcome).inc(number), SystemClock())
        await history_api.listen(conns.bus, intake)
        yield


@asynccontextmanager
async def _proofs(
    settings: RecordSettings, conns: Connections, archives: ArchiveIndex, lease: Lease
) -> AsyncIterator[None]:
    """The tree of room heads: each replica proves and watches, one makes checkpoints."""
    if settings.origin == SHARED_ORIGIN:
        why = f"is {SHARED_ORIGIN}, which is nobody's own: name your domain and a path, or leave it out"
        raise BadSettings((f"PARLOUR_RECORD_ORIGIN {why}",))
    clock, tree = SystemClock(), PostgresTreeStore(conns.pool)
    key_store = PostgresKeyStore(conns.pool, settings.master_key)
    keys = CheckpointKeys(key_store, settings.origin, clock, secrets.token_bytes)
    exports = EventExports(conns.log, conns.people, PostgresExportLog(conns.pool), archives)
    guard = TreeGuard(tree, keys.own_keys)
    checkpoints = Checkpoints(tree, keys.signing_keys, guard, _tree_memory(settings), clock)
    _measure(checkpoints, conns)
    await operators_api.serve_proofs(conns.bus, ProofQueries(tree, conns.log, archives), checkpoints, exports, keys)
    lead = partial(_lead, lease, "record.checkpoints", partial(checkpoints.run, settings.checkpoint_s))
    watch = partial(checkpoints.watch, settings.checkpoint_s)
    async with _retention(settings, conns, tree, keys, lease), _running(lead, watch):
        yield


def _tree_memory(settings: RecordSettings) -> SignedTreeFile:
    try:
        return SignedTreeFile(Path(settings.state))
    except OSError as error:
        why = f"{error}: name a folder that this service may write and that stays"
        raise BadSettings((f"PARLOUR_RECORD_STATE: {why}",)) from None


def _measure(checkpoints: Checkpoints, conns: Connections) -> None:
    status = checkpoints.status
    conns.metrics.measured(
        "tree_damaged",
        "1 while the tree is not what was signed, and nothing is signed.",
        lambda: float(bool(status.problem)),
    )
    conns.metrics.measured("tree_leaves", "Heads of rooms in the last checkpoint.", lambda: status.size)
    conns.metrics.measured(
        "heads_refused", "Heads that were not signed: an event that was signed before is not there any more.",
        lambda: status.refused,
    )  # fmt: skip


@asynccontextmanager
async def _retention(
    settings: RecordSettings, conns: Connections, tree: PostgresTreeStore, keys: CheckpointKeys, lease: Lease
) -> AsyncIterator[None]:
    """Old months: each replica shows their status, one at a time exports and drops."""
    if settings.keep_months and not settings.archive:
        raise BadSettings(("PARLOUR_RECORD_ARCHIVE is not set: old months are dropped only after they were exported",))
    clock, folder = SystemClock(), ArchiveFolder(Path(settings.archive))
    async with await create_pool(
        settings.postgres_dsn, name="record-retention", min_size=0, max_size=2, planner=SCAN_PLANS
    ) as pool:
        store = PostgresRetention(pool)
        writer = ArchiveWriter(store, conns.log, tree, folder, clock)
        verifier = ArchiveVerifier(store, folder, keys.public_keys)
        schedule = RetentionSchedule(
            store, writer, verifier, conns.people, lease, clock,
            partial(conns.bus.report_fault, "retention"), keep_months=settings.keep_months, folder=settings.archive,
        )  # fmt: skip
        await operators_api.serve_retention(conns.bus, schedule)
        async with _running(partial(schedule.run, settings.retention_s)):
            yield


def _tail(settings: RecordSettings, conns: Connections) -> LogTail:
    counted = conns.metrics.counter(
        "tailed_events", "Events seen in the log, by whether NATS had carried them.", ("outcome",)
    )
    outcomes = {outcome: counted.labels(outcome) for outcome in ("published", "republished", "too_old", "damaged")}
    return LogTail(
        conns.log, conns.people, partial(rooms_api.publish, conns.bus),
        lambda outcome, number: outcomes[outcome].inc(number), SystemClock(),
        grace_s=settings.grace_ms / 1000, poll_s=settings.poll_ms / 1000, beacon_s=settings.beacon_ms / 1000,
    )  # fmt: skip


def _damage_report(conns: Connections) -> DamageReport:
    counted = conns.metrics.counter("damaged_events", "Events that could not be read and were skipped.", ("reader",))
    return DamageReport(PostgresDamagedEvents(conns.pool), lambda reader, number: counted.labels(reader).inc(number))
