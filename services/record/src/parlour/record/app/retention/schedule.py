"""The retention schedule: each month that is over is exported, its file verified, and only then the month dropped.

A round may be interrupted anywhere: a file that was written but not stored is written again, one that was stored is verified again and
its month dropped, and calls of a dropped month are deleted from history. Two replicas are kept apart by a lease, and where they are not,
by the database: a month is dropped for one file, once.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from parlour.contracts.codes import Code
from parlour.contracts.retention import Archive, Blocker, Month, Retention
from parlour.kernel.decider import Clock
from parlour.kernel.log import LogUnavailable
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import UserKeyStore
from parlour.record.app.pacing import wait_at_most
from parlour.record.domain.retention import due_before, file_name, may_be_due, month_label
from parlour.runtime.background.leases import Lease
from parlour.runtime.telemetry.logging import logger

from .ports import LEASE, DropBlocked, DropLocked, LogChanged, RetentionStore, StoredArchive
from .verifier import ArchiveVerifier
from .writer import ArchiveWriter

DROP_TRIES = 20
DROP_PAUSE_S = 0.5
"""The database gives up a drop that would keep others waiting for more than a fifth of a second; a round tries it so often."""
BLOCKERS_SHOWN = 20
BY_SCHEDULE = "(the schedule)"

log = logger(__name__)


@dataclass(eq=False)
class RetentionSchedule:
    """`run` is the endless work of a replica; operators call `status` and `start_round`. Times are unix microseconds."""

    _store: RetentionStore
    _writer: ArchiveWriter
    _verifier: ArchiveVerifier
    _people: UserKeyStore
    _lease: Lease
    _clock: Clock
    _fault: Callable[[Exception], None]
    """Called with an error of a round that nobody expected."""
    keep_months: int
    folder: str
    _wakeup: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _by: str = field(init=False, default=BY_SCHEDULE)
    _running: bool = field(init=False, default=False)

    async def run(self, every_s: float) -> None:
        """Does a round every `every_s`, and at once when asked; never returns. Does none where everything is kept."""
        while True:
            self._wakeup.clear()
            by, self._by = self._by, BY_SCHEDULE
            if self.keep_months:
                async with self._lease(LEASE):
                    await self._try_round(by)
            await wait_at_most(self._wakeup, every_s)

    async def _try_round(self, by: str) -> None:
        """Reports what fails and leaves it to the next round, since the record's other work must go on."""
        try:
            await self.round(by)
        except LogUnavailable:
            raise
        except Exception as error:
            self._fault(error)

    def start_round(self, by: str) -> None:
        """Has `run` do a round now, on somebody's behalf. `Rejection` where everything is kept."""
        if not self.keep_months:
            hint = "set PARLOUR_RECORD_KEEP_MONTHS"
            raise Rejection(Code.PARAMETER, "everything is kept for ever", field="keep_months", hint=hint)
        self._by = by or BY_SCHEDULE
        self._running = True
        self._wakeup.set()

    async def round(self, by: str = BY_SCHEDULE) -> None:
        """Exports, verifies and drops what is due, the oldest month first."""
        self._running = True
        try:
            await self._finish_archives()
            before_us = self._due_before()
            for month in await self._store.months():
                if may_be_due(month, before_us):
                    await self._export(month, before_us, by)
        finally:
            self._running = self._wakeup.is_set()

    def _due_before(self) -> int:
        return due_before(self._clock.at(), self.keep_months)

    async def _finish_archives(self) -> None:
        """Finishes the archives that an interrupted round has left."""
        for archive in reversed(await self._store.archives()):
            if archive.dropped_at and not archive.forgotten:
                await self._store.forget(archive.number)
            elif not archive.dropped_at and not archive.problem:
                await self._finish(archive)

    async def _export(self, month: str, before_us: int, by: str) -> None:
        archives = [one for one in await self._store.archives() if one.month == month]
        under_way = any(not one.dropped_at and not one.problem for one in archives)
        if under_way or not (await self._store.count(month, before_us)).due:
            return
        if await self._is_blocked(month, before_us):
            return
        file = file_name(month, 1 + sum(1 for one in archives if one.dropped_at))
        try:
            written = await self._writer.write(file, month, before_us, by)
        except OSError as error:
            log.error("month_not_written", month=month, file=file, error=str(error))
            return
        await self._finish(await self._store.add(month, before_us, written, by))

    async def _is_blocked(self, month: str, before_us: int) -> bool:
        blockers = await self._store.blockers(month, before_us)
        if blockers:
            kinds = sorted({one.kind for one in blockers})
            log.warning("month_waits", month=month, blockers=len(blockers), kinds=kinds)
        return bool(blockers)

    async def _finish(self, archive: StoredArchive) -> None:
        """Verifies the file right before the drop, each time: it may have changed since it was written."""
        if await self._is_blocked(archive.month, archive.before_us):
            return
        problem = await self._verifier.find_problem(archive)
        if problem:
            await self._refuse(archive, problem)
        elif await self._drop(archive):
            await self._store.forget(archive.number)
            log.info(
                "month_dropped", month=archive.month, file=archive.file, sha256=archive.sha256.hex(), calls=archive.calls,
                events=archive.events, by=archive.by,
            )  # fmt: skip

    async def _refuse(self, archive: StoredArchive, problem: str) -> None:
        log.error("month_not_dropped", month=archive.month, file=archive.file, problem=problem)
        await self._store.refuse(archive.number, problem)

    async def _drop(self, archive: StoredArchive) -> bool:
        """Returns whether the month was dropped; if not, the next round tries again, or the archive is refused."""
        reason = ""
        for _ in range(DROP_TRIES):
            try:
                await self._store.drop(archive.number)
                return True
            except DropLocked as error:
                reason = str(error)
                await asyncio.sleep(DROP_PAUSE_S)
            except DropBlocked as error:
                reason = str(error)
                break
            except LogChanged as error:
                await self._refuse(archive, str(error))
                return False
        log.warning("month_waits", month=archive.month, error=reason)
        return False

    async def status(self) -> Retention:
        """Returns the months and archives, with what stands against dropping a month that is due."""
        before_us = self._due_before() if self.keep_months else 0
        archives = await self._store.archives()
        months = [await self._month_status(month, before_us, archives) for month in await self._store.months()]
        running = self._running or await self._store.is_leased()
        present = tuple(one for one in months if one.calls)
        shown_archives = tuple(_shown(one) for one in archives)
        return Retention(self.keep_months, self.folder, before_us, running, present, shown_archives)

    async def _month_status(self, month: str, before_us: int, archives: tuple[StoredArchive, ...]) -> Month:
        count = await self._store.count(month, before_us)
        blockers: tuple[Blocker, ...] = ()
        if count.due:
            blockers = await self._with_user_ids((await self._store.blockers(month, before_us))[:BLOCKERS_SHOWN])
            last = next((one for one in archives if one.month == month), None)
            if last is not None and last.problem:
                blockers = (*blockers, Blocker("file", what=f"{last.file}: {last.problem}"))
        return Month(month_label(month), count.calls, count.due, count.open, blockers)

    async def _with_user_ids(self, blockers: tuple[Blocker, ...]) -> tuple[Blocker, ...]:
        """Replaces the actors of people by the user ids that operators know."""
        actors = frozenset(one.what for one in blockers if one.kind == "person")
        known = await self._people.user_ids(actors) if actors else {}
        return tuple(
            Blocker(one.kind, one.app, known.get(one.what, one.what)) if one.kind == "person" else one
            for one in blockers
        )


def _shown(one: StoredArchive) -> Archive:
    return Archive(
        one.number, month_label(one.month), one.file, one.sha256.hex(), one.size, one.calls, one.events, one.by, one.exported_at,
        one.dropped_at, one.problem,
    )  # fmt: skip
