"""Group commit: the units that wait are appended by one call to the log, then answered and published.

A queue has one call under way; units that arrive meanwhile go together with the next. While the log is unavailable the queue retries the
same batch until its units' deadlines pass: units are idempotent by their command id, so a call whose answer was lost gives `Duplicate`.
"""

import asyncio
import time
from collections import deque
from uuid import UUID

import msgspec

from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.contracts.envelope import Envelope, EventView, decode_envelope, encode_envelope
from parlour.contracts.events import BY_TAG, audience_of
from parlour.kernel.log import (
    Append,
    AppendUnit,
    Committed,
    Conflict,
    Duplicate,
    EventLog,
    LogUnavailable,
    NewEvent,
    Outcome,
    Record,
    UnitRefused,
)
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import UserKeyStore
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.retry import RetryPolicy
from parlour.runtime.telemetry import tracing
from parlour.runtime.telemetry.logging import logger

from . import sealing
from .context import ClaimRefused, CommitResult, Stale, position_of

MAX_BATCH_UNITS = 256
"""Most units in one call: 100 already bring the cost of a commit below that of the units; 256 keep the locks below 20 ms."""
MAX_WAITING_UNITS = 4096
"""Most units that wait in a queue; more are refused, since their callers would time out before the commit."""
COMMIT_DEADLINE_S = 4.0
"""How long a unit may wait for the log: below the 5 s after which its caller times out."""
RETRY = RetryPolicy(max_s=1.0)

log = logger(__name__)
_encode = msgspec.json.Encoder().encode


class _Pending:
    """A unit with its caller's future and trace; `sealed` is the same unit as the log takes it."""

    __slots__ = ("deadline", "future", "sealed", "trace", "unit")

    def __init__(self, unit: AppendUnit, future: "asyncio.Future[CommitResult]") -> None:
        self.unit = unit
        self.future = future
        self.trace = tracing.current()
        self.deadline = time.monotonic() + COMMIT_DEADLINE_S
        self.sealed: AppendUnit[NewEvent] | None = None


class AppendQueue:
    """Appends the units of its rooms in order, one call to the log at a time."""

    def __init__(self, log_: EventLog, people: UserKeyStore, bus: Bus) -> None:
        self._log = log_
        self._people = people
        self._bus = bus
        self._metrics = metrics = bus.metrics
        kinds = (Committed, Duplicate, Conflict, UnitRefused)
        self._outcomes = {kind: metrics.commits.labels(kind.__name__.lower()) for kind in kinds}
        self._waiting: deque[_Pending] = deque()
        self._wake = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Commits what waits, then returns."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task

    @property
    def waiting(self) -> int:
        """How many units wait for the next call."""
        return len(self._waiting)

    def submit(self, unit: AppendUnit) -> "asyncio.Future[CommitResult]":
        """Enqueues a unit before it returns; `LogUnavailable` if the queue is full or stopping."""
        if self._stopping or len(self._waiting) >= MAX_WAITING_UNITS:
            self._metrics.shed.labels("commits").inc()
            raise LogUnavailable("stopping" if self._stopping else "too many commands wait for the record")
        future: asyncio.Future[CommitResult] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Pending(unit, future))
        self._wake.set()
        return future

    async def _run(self) -> None:
        while True:
            if not self._waiting:
                if self._stopping:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            await self._commit_isolated(self._next_batch())

    async def _commit_isolated(self, batch: list[_Pending]) -> None:
        """Commits a batch; if one unit makes the call fail, commits each unit by itself."""
        try:
            await self._commit_batch(batch)
        except Exception as error:
            if len(batch) == 1:
                self._bus.report_fault("commit", error)
                _fail_all(batch, error)
                return
            for pending in batch:
                if not pending.future.done():
                    await self._commit_isolated([pending])

    def _next_batch(self) -> list[_Pending]:
        batch: list[_Pending] = []
        while self._waiting and len(batch) < MAX_BATCH_UNITS:
            pending = self._waiting.popleft()
            if not pending.future.done():
                batch.append(pending)
        return batch

    async def _commit_batch(self, batch: list[_Pending]) -> None:
        """Appends a batch, and retries while the log is unavailable and units of it have time left."""
        for pause_s in RETRY.pauses():
            try:
                user_ids = await self._seal_batch(batch)
                outcomes = await self._append(batch)
            except LogUnavailable as error:
                batch = _drop_expired(batch, error, pause_s)
                await asyncio.sleep(pause_s)
                if not batch:
                    return
            else:
                await self._resolve_batch(batch, outcomes, user_ids)
                return

    async def _seal_batch(self, batch: list[_Pending]) -> dict[str, str]:
        """Seals the units and returns the user ids of all actors; a unit that can't be sealed fails alone."""
        events = [event for pending in batch for append in pending.unit.appends for event in append.events]
        actors = {pending.unit.actor for pending in batch if pending.unit.appends} | {
            sealing.actor_of(event) for event in events
        }
        people = frozenset(actor for actor in actors if sealing.is_person(actor))
        user_ids = await self._people.user_ids(people) if people else {}
        keys = frozenset(sealing.actor_of(event) for event in events if sealing.needs_key(event))
        if keys:
            await self._people.load(keys)  # the last wait before sealing: keys may leave memory later
        for pending in tuple(batch):
            if pending.sealed is None:
                try:
                    _check_not_erased(pending.unit, user_ids)
                    pending.sealed = self._seal_unit(pending)
                except Exception as error:
                    batch.remove(pending)
                    _fail_one(pending, error)
        return user_ids

    def _seal_unit(self, pending: _Pending) -> AppendUnit[NewEvent]:
        unit = pending.unit
        appends = tuple(self._seal_append(pending, append) for append in unit.appends)
        return AppendUnit(
            unit.app, str(UUID(unit.command_id)), unit.principal, unit.digest, unit.answer, appends, unit.claims, unit.deadlines
        )  # fmt: skip

    def _seal_append(self, pending: _Pending, append: Append) -> Append[NewEvent]:
        unit = pending.unit
        trace_id = pending.trace.trace_id if pending.trace else ""
        room_uid = str(append.log.uid)
        sealed: list[NewEvent] = []
        for offset, event in enumerate(append.events, 1):
            version = 0 if append.expected is None else append.expected + offset
            envelope = Envelope(
                room_uid, append.aggregate, version, event.TAG, unit.actor or sealing.actor_of(event), unit.command_id,
                unit.causation_id, trace_id, sealing.seal_event(self._people, event),
            )  # fmt: skip
            sealed.append(NewEvent(event.TAG, int(audience_of(event)), encode_envelope(envelope)))
        return Append(append.log, append.aggregate, append.expected, tuple(sealed), append.creates, append.closes)

    async def _append(self, batch: list[_Pending]) -> tuple[Outcome, ...]:
        if not batch:
            return ()
        began = time.perf_counter()
        units = tuple(pending.sealed for pending in batch if pending.sealed is not None)
        began_ns = time.time_ns()
        outcomes = await self._log.append(units)
        for pending in batch:
            tracing.record("append", pending.trace, began_ns, units=len(units))
        self._metrics.commit_time.observe(time.perf_counter() - began)
        self._metrics.commit_batch.observe(len(units))
        return outcomes

    async def _resolve_batch(
        self, batch: list[_Pending], outcomes: tuple[Outcome, ...], user_ids: dict[str, str]
    ) -> None:
        for pending, outcome in zip(batch, outcomes, strict=True):
            self._outcomes[type(outcome)].inc()
            try:
                result = await self._result(pending, outcome, user_ids)
            except (Stale, ClaimRefused, Rejection, LogUnavailable) as error:
                _fail_one(pending, error)
            except Exception as error:
                self._bus.report_fault("commit", error)
                _fail_one(pending, LogUnavailable("committed, but the answer failed"))
            else:
                # The caller resumes after this; by then the events wait in the connection's buffer, and its reply, behind
                # them, leaves with them in one write.
                if not pending.future.done():
                    pending.future.set_result(result)
                await self._publish(result.views, pending)

    async def _result(self, pending: _Pending, outcome: Outcome, user_ids: dict[str, str]) -> CommitResult:
        unit = pending.unit
        match outcome:
            case Committed(records):
                events = [event for append in unit.appends for event in append.events]
                pairs = zip(records, events, strict=True)
                views = tuple(
                    sealing.build_view(record, decode_envelope(record.env), msgspec.Raw(_encode(event)), user_ids)
                    for record, event in pairs
                )
                return CommitResult(views, unit.answer, False, _room_position(unit, views))
            case Duplicate(answer, places):
                views = await self._read_back(places)
                return CommitResult(views, answer, True, _room_position(unit, views))
            case Conflict():
                raise Stale(outcome)
            case UnitRefused(reason="command_id_reused"):
                raise Rejection(
                    Code.COMMAND_ID_REUSED, "this command id was used for another command", hint="use a new command id"
                )
            case UnitRefused(reason, claim, holder):
                raise ClaimRefused(reason, unit.claims[claim], holder)

    async def _read_back(self, places: tuple[tuple[UUID, int], ...]) -> tuple[EventView, ...]:
        """Reads the events of a command that was committed before; its committer may have died before it published them."""
        records: list[Record] = []
        for uid, seq in places:
            records += await self._log.read(uid, seq - 1, 1)
        return await sealing.open_records(self._people, records)

    async def _publish(self, views: tuple[EventView, ...], pending: _Pending) -> None:
        for view in views:
            headers = {
                "Parlour-Seq": str(view.seq),
                "Parlour-Hash": view.hash,
                "Nats-Msg-Id": f"{view.room_uid}:{view.seq}",
            }
            if pending.trace is not None:
                headers[tracing.HEADER] = str(pending.trace)
            kind = BY_TAG[view.type].AGGREGATE
            try:
                await self._bus.publish(subjects.events(view.app, view.room, kind), _encode(view), headers)
            except Exception as error:
                self._metrics.publish_failures.inc()
                log.warning("publish_failed", room_uid=view.room_uid, seq=view.seq, error=repr(error))


def _room_position(unit: AppendUnit, views: tuple[EventView, ...]) -> str:
    """Returns the position of the command's own room after it; empty if it appended to other rooms only.

    A repeated command may come without appends, and may have appended to several rooms: the views tell then.
    """
    room = unit.room or (unit.appends[0].log.room if unit.appends else "")
    own = [view for view in views if not room or view.room == room]
    return position_of(max(own, key=lambda view: view.seq)) if own else ""


def _drop_expired(batch: list[_Pending], error: LogUnavailable, pause_s: float) -> list[_Pending]:
    """Fails the units whose deadline passes within `pause_s` and returns the others."""
    soon = time.monotonic() + pause_s
    _fail_all([pending for pending in batch if pending.deadline <= soon], error)
    return [pending for pending in batch if pending.deadline > soon and not pending.future.done()]


def _check_not_erased(unit: AppendUnit, user_ids: dict[str, str]) -> None:
    """Raises a `Rejection` if an event has text of an erased person, whose session was open at the erasure."""
    events = (event for append in unit.appends for event in append.events)
    if any(sealing.needs_key(event) and sealing.actor_of(event) not in user_ids for event in events):
        raise Rejection(
            Code.SESSION_UNKNOWN, "this session's user was erased: nothing more can be said in it", hint="log in again"
        )


def _fail_all(batch: list[_Pending], error: Exception) -> None:
    for pending in batch:
        _fail_one(pending, error)


def _fail_one(pending: _Pending, error: Exception) -> None:
    if not pending.future.done():
        pending.future.set_exception(error)
