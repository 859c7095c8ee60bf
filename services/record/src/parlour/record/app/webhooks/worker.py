"""Delivers to one endpoint: rooms from memory and rooms with a backlog side by side, each room in its order.

Progress is stored every `SAVE_EVERY_S`, after the deliveries: a crash sends again what arrived since, with the same webhook-id.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from uuid import UUID

from parlour.kernel.decider import Clock
from parlour.kernel.log import EventLog, LogUnavailable, Record
from parlour.record.app.damaged_events import DamagedEvent, DamageReport
from parlour.record.app.pacing import wait_at_most
from parlour.record.domain.webhooks.attempts import Answer, Schedule, Verdict, verdict
from parlour.record.domain.webhooks.endpoint import Endpoint
from parlour.record.domain.webhooks.progress import Progress, RoomBacklog

from .attempts import AttemptSender, UnreadableEvent
from .page_cache import EVENTS_PER_PAGE, PageCache
from .ports import Attempt, DeadLetter, DeliveryStore, LeaseLost

ROOMS_AT_ONCE = 8
BACKLOGS_AT_ONCE = 4
"""Requests to one endpoint at the same time: enough for its network's delay, too few to be a burden."""
SAVE_EVERY_S = 0.5
ATTEMPTS_IN_MEMORY = 200
"""Rows of the delivery log in memory; at more they are stored at once."""
FAILING_ROOMS = 2
"""So many rooms got no answer since the last success: the next success means that the endpoint is back."""
READ_TRIES = 3
"""An event that can't be read is skipped only then: a key that could not be fetched in time is no damage."""
GONE = "the endpoint answered 410 Gone"
FAILED_HERE = "the attempt failed in this service: see its log"
UNREADABLE = "the event in the database can't be read: it was not sent"

Count = Callable[[str], None]
"""Called with an attempt's outcome: delivered, again, gone, dead, damaged."""
Fault = Callable[[BaseException], None]
"""Logs an error that nobody expected."""


class Worker:
    """The pool makes one for each endpoint that is leased to this process, and calls `run`, `update_heads` and `add_redrives`."""

    def __init__(
        self, endpoint: Endpoint, owner: str, *, store: DeliveryStore, log: EventLog, pages: PageCache,
        attempts: AttemptSender, damage: DamageReport, schedule: Schedule, count: Count, fault: Fault, clock: Clock,
        chance: Callable[[], float],
    ) -> None:  # fmt: skip
        self.endpoint = endpoint
        self._owner = owner
        self._store = store
        self._log = log
        self._pages = pages
        self._attempts = attempts
        self._damage = damage
        self._schedule = schedule
        self._count = count
        self._fault = fault
        self._clock = clock
        self._chance = chance
        self._progress = Progress({})
        self._heads: Mapping[int, int] = {}
        self._redrives: list[RoomBacklog] = []
        self._known: set[UUID] = set()
        self._awake = asyncio.Event()
        self._rows: list[Attempt] = []
        self._dead: list[DeadLetter] = []
        self._failing: set[UUID] = set()
        self._rooms_under_way = self._backlogs_under_way = 0
        self._saved_at = 0.0
        self._saving = asyncio.Lock()

    def update_heads(self, heads: Mapping[int, int]) -> None:
        """Takes the last positions of the log's shards."""
        self._heads = heads
        self._awake.set()

    def add_redrives(self, ranges: Iterable[RoomBacklog]) -> None:
        """Takes ranges that an operator wants sent again; those known already are ignored."""
        new = [backlog for backlog in ranges if backlog.id not in self._known]
        if new:
            self._known.update(backlog.id for backlog in new)
            self._redrives += new
            self._awake.set()

    async def run(self) -> None:
        """Delivers until it is cancelled. Raises `LeaseLost` when the endpoint is no longer ours, `LogUnavailable`, or a fault."""
        cursors, backlogs = await self._store.progress(self.endpoint.id)
        self._known |= {backlog.id for backlog in backlogs}
        self._progress = Progress(cursors, backlogs)
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._awake.clear()
                    await self._fill()
                    self._start_deliveries(group)
                    if self._is_save_due():
                        await self._save()
                    await self._pause()
        finally:
            with contextlib.suppress(Exception):  # the next worker sends again what is not stored
                await self._save()

    async def _fill(self) -> None:
        for backlog in self._redrives:
            self._progress.add_backlog(backlog)
        self._redrives = []
        for p, head in self._heads.items():
            while self._progress.read_to(p) < head and not self._progress.is_full:
                records = await self._pages.read(p, self._progress.read_to(p), head)
                self._progress.take(p, records, self.endpoint.wants)
                if len(records) < EVENTS_PER_PAGE:
                    break

    def _start_deliveries(self, group: asyncio.TaskGroup) -> None:
        while self._rooms_under_way < ROOMS_AT_ONCE and (record := self._progress.next_event()) is not None:
            self._rooms_under_way += 1
            group.create_task(self._deliver_rooms(record))
        while self._backlogs_under_way < BACKLOGS_AT_ONCE:
            backlog = self._progress.next_backlog(self._now_s())
            if backlog is None:
                break
            self._backlogs_under_way += 1
            group.create_task(self._deliver_backlog(backlog))

    async def _deliver_rooms(self, first: Record) -> None:
        """Delivers one event of one room after the other, as long as there are any."""
        record: Record | None = first
        while record is not None:
            failure = await self._attempt(record, 1)
            if failure is None:
                self._progress.mark_delivered(record)
            else:
                self._schedule_retry(self._progress.mark_failed(record), failure)
            self._awake.set()
            record = self._progress.next_event()
        self._rooms_under_way -= 1

    async def _deliver_backlog(self, backlog: RoomBacklog) -> None:
        """Delivers a backlog's events until one fails or the backlog ends."""
        while True:
            read = self._progress.read_to(backlog.p)
            records = await self._log.read(backlog.room_uid, backlog.after, EVENTS_PER_PAGE)
            wanted = [record for record in records if _belongs(backlog, record, read)]
            if not await self._deliver_page(backlog, wanted):
                break
            if len(wanted) < EVENTS_PER_PAGE:
                if backlog.to is not None:
                    self._progress.advance(backlog, backlog.to)
                if self._progress.end_if_done(backlog, read):
                    break
        self._backlogs_under_way -= 1
        self._awake.set()

    async def _deliver_page(self, backlog: RoomBacklog, records: list[Record]) -> bool:
        """Returns False if an event failed and the backlog waits for a retry."""
        for record in records:
            failure = await self._attempt(record, backlog.attempts + 1) if self.endpoint.wants(record) else None
            if failure is None:
                self._progress.advance(backlog, record.seq)
            elif self._is_given_up(backlog, record):
                self._add_dead_letter(backlog, record, failure)
            else:
                self._schedule_retry(backlog, failure)
                return False
        return True

    def _is_given_up(self, backlog: RoomBacklog, record: Record) -> bool:
        """Returns whether a failed event is retried no more: what piled up behind such an event gets one attempt, not days of its own."""
        now_s = self._now_s()
        return self._schedule.is_over(max(backlog.since_s or now_s, record.at / 1e6), now_s)

    def _add_dead_letter(self, backlog: RoomBacklog, record: Record, failure: Answer) -> None:
        since_s = backlog.since_s
        self._dead.append(DeadLetter(backlog.room_uid, record.seq, record.seq, self._clock.at(), failure.error))
        self._progress.advance(backlog, record.seq)
        backlog.since_s = since_s
        self._count("dead")

    def _schedule_retry(self, backlog: RoomBacklog, failure: Answer) -> None:
        """Pauses the backlog; an attempt that was made due early neither counts nor lengthens the pause."""
        now_s = self._now_s()
        backlog.since_s = backlog.since_s or now_s
        backlog.error = failure.error
        if backlog.scheduled_s is not None:
            due_s = max(backlog.scheduled_s, now_s + self._schedule.asked_pause_s(failure))
        else:
            backlog.attempts += 1
            due_s = now_s + self._schedule.pause_s(backlog.attempts, self._chance(), failure)
        self._progress.pause(backlog, due_s)

    async def _attempt(self, record: Record, number: int) -> Answer | None:
        """Sends an event once; returns None if it arrived, else the failure. `LeaseLost` when the endpoint answers 410."""
        try:
            done = await self._attempts.send_event(self.endpoint, record, number)
        except UnreadableEvent as error:
            return await self._skip_unreadable(record, number, error)
        except LogUnavailable:
            raise
        except Exception as error:  # one room's fault must not end the other rooms of the endpoint
            self._fault(error)
            done = self._failed_here(record, number, FAILED_HERE)
        self._rows.append(done)
        meaning = verdict(done.answer)
        self._count(meaning.value)
        if meaning is Verdict.GONE:
            await self._save()
            await self._store.disable(self.endpoint.id, GONE)
            raise LeaseLost(GONE)
        if meaning is Verdict.AGAIN:
            if not done.answer.status:
                self._failing.add(record.log.uid)
            return done.answer
        if len(self._failing) >= FAILING_ROOMS:
            self._progress.retry_early(self._now_s())
        self._failing.clear()
        return None

    async def _skip_unreadable(self, record: Record, number: int, error: UnreadableEvent) -> Answer | None:
        """Has the event read again a few times, then skips it: it must not delay for ever what follows it in its room."""
        failed = self._failed_here(record, number, UNREADABLE)
        self._rows.append(failed)
        if number < READ_TRIES:
            self._count(Verdict.AGAIN.value)
            return failed.answer
        damaged = DamagedEvent(record.log.uid, record.seq, record.type, str(error))
        await self._damage.report_skipped(f"webhook/{self.endpoint.id}", [damaged])
        self._count("damaged")
        return None

    def _failed_here(self, record: Record, number: int, error: str) -> Attempt:
        """Returns the delivery log's row of an attempt that never left this service."""
        return Attempt(f"{record.log.uid}:{record.seq}", record.type, self._clock.at(), number, Answer(0, error))

    def _is_save_due(self) -> bool:
        saved_ago_s = asyncio.get_running_loop().time() - self._saved_at
        return len(self._rows) >= ATTEMPTS_IN_MEMORY or saved_ago_s >= SAVE_EVERY_S

    async def _save(self) -> None:
        async with self._saving:  # two at once might reach the database in the other order
            self._saved_at = asyncio.get_running_loop().time()
            changes = self._progress.take_changes()
            rows, self._rows = self._rows, []
            dead, self._dead = self._dead, []
            if changes.cursors or changes.backlogs or changes.ended or rows or dead:
                await self._store.save(self.endpoint.id, self._owner, changes, rows, dead)

    async def _pause(self) -> None:
        due_s = self._progress.next_due_s()
        pause_s = SAVE_EVERY_S if due_s is None else min(SAVE_EVERY_S, max(0.0, due_s - self._now_s()))
        if self._backlogs_under_way >= BACKLOGS_AT_ONCE:
            pause_s = SAVE_EVERY_S
        await wait_at_most(self._awake, pause_s)

    def _now_s(self) -> float:
        return self._clock.at() / 1e6


def _belongs(backlog: RoomBacklog, record: Record, read: int) -> bool:
    return record.pos <= read if backlog.to is None else record.seq <= backlog.to
