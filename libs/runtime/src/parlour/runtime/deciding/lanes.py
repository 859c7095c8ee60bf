"""Group commit: drafts that wait are appended by one call, then published, then answered.

A lane has one call under way. While Postgres works on it, further drafts gather and go together with the next. If the log is away, the
lane tries the same batch again until its drafts' time is up: units are idempotent by their command id, so a call whose answer was lost
is found as done.
"""

import asyncio
import random
import time
from collections import deque
from uuid import UUID

import msgspec

from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.contracts.envelope import Envelope, EventView, encode_envelope
from parlour.contracts.events import BY_TAG, audience_of
from parlour.kernel.log import (
    HEAD,
    Append,
    Committed,
    Conflict,
    Duplicate,
    EventLog,
    LogUnavailable,
    NewEvent,
    Outcome,
    Record,
    Refused,
    Unit,
)
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import People
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.telemetry import tracing
from parlour.runtime.telemetry.logging import logger
from parlour.runtime.telemetry.metrics import Metrics

from . import sealing
from .drafts import Change, ClaimRefused, Done, Draft, Stale, position_of

BATCH = 256
"""Units in one call: 100 already bring the cost of a commit below that of the units; 256 keep the locks below 20 ms."""
MAX_WAITING = 4096
"""Drafts that wait in a lane; more are refused, since their askers would have gone before their turn."""
WITHIN_S = 4.0
"""How long a draft may wait for the log: below the 5 s after which an asker gives up."""

log = logger(__name__)
_encode = msgspec.json.Encoder().encode


class _Pending:
    """A draft with its caller's future and trace."""

    __slots__ = ("draft", "future", "trace", "unit", "until")

    def __init__(self, draft: Draft, future: "asyncio.Future[Done]") -> None:
        self.draft = draft
        self.future = future
        self.trace = tracing.current()
        self.until = time.monotonic() + WITHIN_S
        self.unit: Unit | None = None


class Lane:
    """One call to the log at a time."""

    def __init__(self, log_: EventLog, people: People, bus: Bus, metrics: Metrics) -> None:
        self._log = log_
        self._people = people
        self._bus = bus
        self._metrics = metrics
        kinds = (Committed, Duplicate, Conflict, Refused)
        self._outcomes = {kind: metrics.commits.labels(kind.__name__.lower()) for kind in kinds}
        self._waiting: deque[_Pending] = deque()
        self._wake = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to take drafts."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Finishes what waits, then ends."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task

    def submit(self, draft: Draft) -> "asyncio.Future[Done]":
        """The draft's place in the lane is taken at once."""
        if self._stopping or len(self._waiting) >= MAX_WAITING:
            self._metrics.shed.labels("commits").inc()
            raise LogUnavailable("stopping" if self._stopping else "too many commands wait for the record")
        future: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Pending(draft, future))
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
            await self._settle_apart(self._take())

    async def _settle_apart(self, batch: list[_Pending]) -> None:
        """A call that fails for another reason than the log's absence is one unit's fault: the others go each by itself."""
        try:
            await self._settle(batch)
        except Exception as error:
            if len(batch) == 1:
                self._bus.fault("commit", error)
                _fail(batch, error)
                return
            for pending in batch:
                if not pending.future.done():
                    await self._settle_apart([pending])

    def _take(self) -> list[_Pending]:
        batch: list[_Pending] = []
        while self._waiting and len(batch) < BATCH:
            pending = self._waiting.popleft()
            if not pending.future.done():
                batch.append(pending)
        return batch

    async def _settle(self, batch: list[_Pending]) -> None:
        """Appends a batch, again and again while the log is away and its drafts have time."""
        pause = 0.05
        while batch:
            try:
                user_ids = await self._prepare(batch)
                outcomes = await self._append(batch)
            except LogUnavailable as error:
                batch = _expire(batch, error, pause)
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(1.0, pause * 2)
                continue
            await self._finish(batch, outcomes, user_ids)
            return

    async def _prepare(self, batch: list[_Pending]) -> dict[str, str]:
        """Makes the units; what a draft's own flaw prevents fails that draft alone. Gives the user ids of all actors."""
        events = [event for pending in batch for change in pending.draft.changes for event in change.events]
        actors = {pending.draft.actor for pending in batch if pending.draft.changes} | {
            sealing.actor_of(event) for event in events
        }
        people = frozenset(actor for actor in actors if sealing.is_person(actor))
        user_ids = await self._people.user_ids(people) if people else {}
        keys = frozenset(sealing.actor_of(event) for event in events if sealing.needs_key(event))
        if keys:
            await self._people.load(keys)  # the last wait before sealing: keys may leave memory later
        for pending in tuple(batch):
            if pending.unit is None:
                try:
                    _refuse_erased(pending.draft, user_ids)
                    pending.unit = self._unit(pending)
                except Exception as error:
                    batch.remove(pending)
                    _raise(pending, error)
        return user_ids

    def _unit(self, pending: _Pending) -> Unit:
        draft = pending.draft
        appends = tuple(self._append_of(pending, change) for change in draft.changes)
        if draft.head is not None:
            appends = (Append(draft.head[0], HEAD, draft.head[1], ()), *appends)
        return Unit(
            draft.app,
            UUID(draft.command_id),
            draft.principal,
            draft.digest,
            draft.answer,
            appends,
            draft.claims,
            draft.deadlines,
        )

    def _append_of(self, pending: _Pending, change: Change) -> Append:
        draft = pending.draft
        trace_id = pending.trace.trace_id if pending.trace else ""
        room_uid = str(change.log.uid)
        made: list[NewEvent] = []
        for offset, event in enumerate(change.events, 1):
            version = 0 if change.expected is None else change.expected + offset
            envelope = Envelope(
                room_uid, change.aggregate, version, event.TAG, draft.actor or sealing.actor_of(event), draft.command_id,
                draft.causation_id, trace_id, sealing.sealed(self._people, event),
            )  # fmt: skip
            made.append(NewEvent(event.TAG, int(audience_of(event)), encode_envelope(envelope)))
        return Append(change.log, change.aggregate, change.expected, tuple(made), change.creates, change.closes)

    async def _append(self, batch: list[_Pending]) -> tuple[Outcome, ...]:
        if not batch:
            return ()
        began = time.perf_counter()
        units = tuple(pending.unit for pending in batch if pending.unit is not None)
        began_ns = time.time_ns()
        outcomes = await self._log.append(units)
        for pending in batch:
            tracing.record("append", pending.trace, began_ns, units=len(units))
        self._metrics.commit_time.observe(time.perf_counter() - began)
        self._metrics.commit_batch.observe(len(units))
        return outcomes

    async def _finish(self, batch: list[_Pending], outcomes: tuple[Outcome, ...], user_ids: dict[str, str]) -> None:
        for pending, outcome in zip(batch, outcomes, strict=True):
            self._outcomes[type(outcome)].inc()
            try:
                done = await self._done(pending, outcome, user_ids)
            except (Stale, ClaimRefused, Rejection, LogUnavailable) as error:
                _raise(pending, error)
            except Exception as error:
                self._bus.fault("commit", error)
                _raise(pending, LogUnavailable("committed, but the answer failed"))
            else:
                # The caller resumes after this; by then the events wait in the connection's buffer, and its reply, behind
                # them, leaves with them in one write.
                if not pending.future.done():
                    pending.future.set_result(done)
                await self._publish(done.views, pending)

    async def _done(self, pending: _Pending, outcome: Outcome, user_ids: dict[str, str]) -> Done:
        draft = pending.draft
        match outcome:
            case Committed(records):
                events = [event for change in draft.changes for event in change.events]
                pairs = zip(records, events, strict=True)
                views = tuple(sealing.view_of(record, msgspec.Raw(_encode(event)), user_ids) for record, event in pairs)
                return Done(views, draft.answer, False, _position(draft, views))
            case Duplicate(answer, places):
                views = await self._read_back(places)
                return Done(views, answer, True, _position(draft, views))
            case Conflict():
                raise Stale(outcome)
            case Refused(reason="command_id_reused"):
                raise Rejection.of(
                    Code.COMMAND_ID_REUSED, "this command id was used for another command", hint="use a new command id"
                )
            case Refused(reason, claim, holder):
                raise ClaimRefused(reason, draft.claims[claim], holder)

    async def _read_back(self, places: tuple[tuple[UUID, int], ...]) -> tuple[EventView, ...]:
        """The events of a command that was done before; its first committer may have died before it told anybody."""
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


def _position(draft: Draft, views: tuple[EventView, ...]) -> str:
    """Where the command's own room stood after it; empty where it changed only others.

    A repetition may come with no changes: its views are then all that tells, and a command may have touched several rooms.
    """
    room = draft.room or (draft.changes[0].log.room if draft.changes else "")
    own = [view for view in views if not room or view.room == room]
    return position_of(max(own, key=lambda view: view.seq)) if own else ""


def _expire(batch: list[_Pending], error: LogUnavailable, pause: float) -> list[_Pending]:
    """Fails the drafts whose time would be over after `pause`; gives the others."""
    soon = time.monotonic() + pause
    _fail([pending for pending in batch if pending.until <= soon], error)
    return [pending for pending in batch if pending.until > soon and not pending.future.done()]


def _refuse_erased(draft: Draft, user_ids: dict[str, str]) -> None:
    """`Rejection` where an event holds text of somebody whose key is gone: a session that was open at their erasure."""
    events = (event for change in draft.changes for event in change.events)
    if any(sealing.needs_key(event) and sealing.actor_of(event) not in user_ids for event in events):
        raise Rejection.of(
            Code.SESSION_UNKNOWN, "this session's user was erased: nothing more can be said in it", hint="log in again"
        )


def _fail(batch: list[_Pending], error: Exception) -> None:
    for pending in batch:
        _raise(pending, error)


def _raise(pending: _Pending, error: Exception) -> None:
    if not pending.future.done():
        pending.future.set_exception(error)
