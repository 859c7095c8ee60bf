"""Delivers to one endpoint: rooms in hand and rooms that lag, side by side, each room in its order.

What it writes down it writes every `SAVE_S`, after the deliveries: a crash sends again what arrived since, with the same webhook-id.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Iterable, Mapping
from uuid import UUID

from parlour.kernel.log import EventLog, LogUnavailable, Record
from parlour.record.app.damaged_events import DamagedEvent, DamageReport
from parlour.record.domain.webhooks.attempts import Answer, Schedule, Verdict, verdict
from parlour.record.domain.webhooks.endpoint import Endpoint
from parlour.record.domain.webhooks.progress import Progress, RoomBacklog

from .attempts import AttemptSender, UnreadableEvent
from .page_cache import PAGE, PageCache
from .ports import Attempt, DeadLetter, DeliveryStore, LeaseLost

ROOMS_AT_ONCE = 8
LANES_AT_ONCE = 4
"""Requests to one endpoint at the same time: enough for its network's delay, too few to be a burden."""
SAVE_S = 0.5
ATTEMPTS_KEPT = 200
"""Rows of the delivery log in memory; at more they are written at once."""
FAILING_ROOMS = 2
"""So many rooms got no answer since the last success: the next success means that the endpoint is back."""
GONE = "the endpoint answered 410 Gone"

FAILED = "the attempt failed in this service: see its log"

Note = Callable[[str], None]
"""(outcome): delivered, again, gone, dead, damaged."""
Fault = Callable[[BaseException], None]
"""Says in the service's log what nobody expected."""
DAMAGED = "the event in the database can't be read: it was not sent"
READ_TRIES = 3
"""What can't be read is gone past only then: a key that could not be fetched in time is no damage."""


class Worker:
    """`run` is endless; it ends by `Lost`, or as the log or the store does when it is away."""

    def __init__(
        self,
        endpoint: Endpoint,
        owner: str,
        *,
        store: DeliveryStore,
        log: EventLog,
        pages: PageCache,
        attempts: AttemptSender,
        damages: DamageReport,
        schedule: Schedule,
        note: Note,
        fault: Fault,
    ) -> None:
        self.endpoint = endpoint
        self._owner = owner
        self._store = store
        self._log = log
        self._pages = pages
        self._attempts = attempts
        self._damages = damages
        self._schedule = schedule
        self._note = note
        self._fault = fault
        self._progress = Progress({})
        self._heads: Mapping[int, int] = {}
        self._offered: list[RoomBacklog] = []
        self._known: set[UUID] = set()
        self._awake = asyncio.Event()
        self._rows: list[Attempt] = []
        self._dead: list[DeadLetter] = []
        self._failing: set[UUID] = set()
        self._tasks = {"room": 0, "lane": 0}
        self._saved_at = 0.0
        self._saving = asyncio.Lock()

    # called by the fleet

    def heads(self, heads: Mapping[int, int]) -> None:
        """The log's shards stand there now."""
        self._heads = heads
        self._awake.set()

    def offer(self, ranges: Iterable[RoomBacklog]) -> None:
        """Ranges that somebody wants sent again; those known already are left."""
        new = [lane for lane in ranges if lane.id not in self._known]
        if new:
            self._known.update(lane.id for lane in new)
            self._offered += new
            self._awake.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        cursors, lanes = await self._store.progress(self.endpoint.id)
        self._known |= {lane.id for lane in lanes}
        self._progress = Progress(cursors, lanes)
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._awake.clear()
                    await self._fill()
                    self._start(group)
                    if self._due_to_save():
                        await self._save()
                    await self._pause()
        finally:
            with contextlib.suppress(Exception):  # whoever comes next sends it again
                await self._save()

    # inside

    async def _fill(self) -> None:
        for lane in self._offered:
            self._progress.add_lane(lane)
        self._offered = []
        for p, head in self._heads.items():
            while self._progress.read_to(p) < head and not self._progress.full:
                records = await self._pages.read(p, self._progress.read_to(p), head)
                self._progress.take(p, records, self.endpoint.wants)
                if len(records) < PAGE:
                    break

    def _start(self, group: asyncio.TaskGroup) -> None:
        while self._tasks["room"] < ROOMS_AT_ONCE and (record := self._progress.begin()) is not None:
            self._tasks["room"] += 1
            group.create_task(self._rooms(record))
        while self._tasks["lane"] < LANES_AT_ONCE and (lane := self._progress.begin_lane(time.time())) is not None:
            self._tasks["lane"] += 1
            group.create_task(self._lane(lane))

    async def _rooms(self, first: Record) -> None:
        """Delivers one event of one room after the other, as long as there are."""
        record: Record | None = first
        while record is not None:
            failure = await self._attempt(record, 1)
            if failure is None:
                self._progress.delivered(record)
            else:
                self._failed(self._progress.failed(record), failure)
            self._awake.set()
            record = self._progress.begin()
        self._tasks["room"] -= 1

    async def _lane(self, lane: RoomBacklog) -> None:
        """Delivers what the lane is behind with, until it fails or ends."""
        while True:
            read = self._progress.read_to(lane.p)
            records = await self._log.read(lane.room_uid, lane.after, PAGE)
            wanted = [record for record in records if self._belongs(lane, record, read)]
            if not await self._deliver(lane, wanted):
                break
            if len(wanted) < PAGE:
                if lane.to is not None:
                    self._progress.advanced(lane, lane.to)
                if self._progress.end_if_done(lane, read):
                    break
        self._tasks["lane"] -= 1
        self._awake.set()

    @staticmethod
    def _belongs(lane: RoomBacklog, record: Record, read: int) -> bool:
        return record.pos <= read if lane.to is None else record.seq <= lane.to

    async def _deliver(self, lane: RoomBacklog, records: list[Record]) -> bool:
        """False: one failed, and the lane rests."""
        for record in records:
            failure = await self._attempt(record, lane.attempts + 1) if self.endpoint.wants(record) else None
            if failure is None:
                self._progress.advanced(lane, record.seq)
            elif self._is_over(lane, record):
                self._bury(lane, record, failure)
            else:
                self._failed(lane, failure)
                return False
        return True

    def _is_over(self, lane: RoomBacklog, record: Record) -> bool:
        """Whether an event that failed is given up: what piled up behind one that was gets one attempt, but not days of its own."""
        now_s = time.time()
        return self._schedule.is_over(max(lane.since_s or now_s, record.at / 1e6), now_s)

    def _bury(self, lane: RoomBacklog, record: Record, failure: Answer) -> None:
        since_s = lane.since_s
        self._dead.append(DeadLetter(lane.room_uid, record.seq, record.seq, time.time_ns() // 1000, failure.error))
        self._progress.advanced(lane, record.seq)
        lane.since_s = since_s
        self._note("dead")

    def _failed(self, lane: RoomBacklog, failure: Answer) -> None:
        """The lane rests until its next attempt; one that was made due early neither counts nor lengthens the pause."""
        now_s = time.time()
        lane.since_s = lane.since_s or now_s
        lane.error = failure.error
        if lane.scheduled_s is not None:
            due_s = max(lane.scheduled_s, now_s + self._schedule.asked_pause_s(failure))
        else:
            lane.attempts += 1
            due_s = now_s + self._schedule.pause_s(lane.attempts, random.random(), failure)
        self._progress.rest(lane, due_s)

    async def _attempt(self, record: Record, number: int) -> Answer | None:
        """One attempt: None where the event arrived. `Lost` when the endpoint wants no more."""
        try:
            done = await self._attempts.event(self.endpoint, record, number)
        except UnreadableEvent as damaged:
            return await self._unreadable(record, number, damaged)
        except LogUnavailable:
            raise
        except Exception as error:  # one room's fault must not end the other rooms of the endpoint
            self._fault(error)
            done = _failed_here(record, number)
        self._rows.append(done)
        meant = verdict(done.answer)
        self._note(meant.value)
        if meant is Verdict.GONE:
            await self._save()
            await self._store.disable(self.endpoint.id, GONE)
            raise LeaseLost(GONE)
        if meant is Verdict.AGAIN:
            if not done.answer.status:
                self._failing.add(record.log.uid)
            return done.answer
        if len(self._failing) >= FAILING_ROOMS:
            self._progress.hasten(time.time())
        self._failing.clear()
        return None

    async def _unreadable(self, record: Record, number: int, damaged: UnreadableEvent) -> Answer | None:
        """Tried again a few times, and then gone past: it must not hold up for ever what follows it in its room."""
        failed = _failed_here(record, number, DAMAGED)
        self._rows.append(failed)
        if number < READ_TRIES:
            self._note(Verdict.AGAIN.value)
            return failed.answer
        reader = f"webhook/{self.endpoint.id}"
        await self._damages.gone_past(reader, [DamagedEvent(record.log.uid, record.seq, record.type, str(damaged))])
        self._note("damaged")
        return None

    def _due_to_save(self) -> bool:
        return len(self._rows) >= ATTEMPTS_KEPT or time.monotonic() - self._saved_at >= SAVE_S

    async def _save(self) -> None:
        async with self._saving:  # two at once might come in the other order
            self._saved_at = time.monotonic()
            changes = self._progress.changes()
            rows, self._rows = self._rows, []
            dead, self._dead = self._dead, []
            if changes.cursors or changes.lanes or changes.ended or rows or dead:
                await self._store.save(self.endpoint.id, self._owner, changes, rows, dead)

    async def _pause(self) -> None:
        due_s = self._progress.next_due_s()
        rest_s = SAVE_S if due_s is None else min(SAVE_S, max(0.0, due_s - time.time()))
        if self._tasks["lane"] >= LANES_AT_ONCE:
            rest_s = SAVE_S
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(rest_s):
                await self._awake.wait()


def _failed_here(record: Record, number: int, why: str = FAILED) -> Attempt:
    """The delivery log's row of an attempt that never left this service."""
    return Attempt(f"{record.log.uid}:{record.seq}", record.type, time.time_ns() // 1000, number, Answer(0, why))
