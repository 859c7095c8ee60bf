"""The schedule: every so often each month that is over is exported, the file verified, and only then the month dropped.

A round may end anywhere: what was written but not noted is written again, what was noted is verified again and dropped, what was dropped
is forgotten by history. Two replicas that do it at once are kept apart by a lease, and where they are not, by the database: a month is
dropped for one file, once.
"""

import asyncio
import contextlib
from collections.abc import Callable

from parlour.contracts.codes import Code
from parlour.contracts.retention import Archive, Blocker, Month, Retention
from parlour.kernel.log import LogUnavailable
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import People
from parlour.record.domain.retention import due_before, file_name, may_be_due, shown
from parlour.runtime.background.leases import Lease
from parlour.runtime.telemetry.logging import logger

from .ports import LEASE, DropBlocked, DropLocked, LogChanged, RetentionStore, StoredArchive
from .verifier import ArchiveVerifier
from .writer import ArchiveWriter

DROP_TRIES = 20
DROP_PAUSE_S = 0.5
"""The database lets go of a drop that would keep others waiting for more than a fifth of a second; it is tried so often in a round."""
BLOCKERS_SHOWN = 20
"""Of one month: whoever resolved these looks again."""
SCHEDULE = "(the schedule)"

log = logger(__name__)


class RetentionSchedule:
    """`run` is endless; `status` answers; `ask` has a round begin now."""

    def __init__(
        self, store: RetentionStore, writer: ArchiveWriter, checker: ArchiveVerifier, people: People, lease: Lease,
        now_us: Callable[[], int],
        fault: Callable[[Exception], None], *, keep_months: int, folder: str,
    ) -> None:  # fmt: skip
        self._fault = fault
        self._store = store
        self._writer = writer
        self._checker = checker
        self._people = people
        self._lease = lease
        self._now_us = now_us
        self._keep_months = keep_months
        self._folder = folder
        self._asked = asyncio.Event()
        self._by = SCHEDULE
        self._running = False

    async def run(self, every_s: float) -> None:
        """A round every `every_s`, for ever; none where everything is kept."""
        while True:
            self._asked.clear()
            by, self._by = self._by, SCHEDULE
            if self._keep_months:
                async with self._lease(LEASE):
                    await self._guarded(by)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every_s):
                    await self._asked.wait()

    async def _guarded(self, by: str) -> None:
        """What fails here is told and tried again in the next round; the record's other work goes on."""
        try:
            await self.round(by)
        except LogUnavailable:
            raise
        except Exception as error:
            self._fault(error)

    def ask(self, by: str) -> None:
        """A round, on somebody's behalf."""
        if not self._keep_months:
            raise Rejection.of(
                Code.PARAMETER,
                "everything is kept for ever",
                field="keep_months",
                hint="set PARLOUR_RECORD_KEEP_MONTHS",
            )
        self._by = by or SCHEDULE
        self._running = True
        self._asked.set()

    async def round(self, by: str = SCHEDULE) -> None:
        """Does what is due, the oldest month first."""
        self._running = True
        try:
            await self._finish_all()
            before_us = due_before(self._now_us(), self._keep_months)
            for month in await self._store.months():
                if may_be_due(month, before_us):
                    await self._month(month, before_us, by)
        finally:
            self._running = self._asked.is_set()

    async def _finish_all(self) -> None:
        """What a process that died has left."""
        for archive in reversed(await self._store.archives()):
            if archive.dropped_at and not archive.forgotten:
                await self._store.forget(archive.number)
            elif not archive.dropped_at and not archive.problem:
                await self._finish(archive)

    async def _month(self, month: str, before_us: int, by: str) -> None:
        archives = [one for one in await self._store.archives() if one.month == month]
        under_way = any(not one.dropped_at and not one.problem for one in archives)
        if under_way or not (await self._store.census(month, before_us)).due:
            return
        if await self._blocked(month, before_us):
            return
        file = file_name(month, 1 + sum(1 for one in archives if one.dropped_at))
        try:
            written = await self._writer.write(file, month, before_us, by)
        except OSError as error:
            log.error("month_not_written", month=month, file=file, error=str(error))
            return
        await self._finish(await self._store.note(month, before_us, written, by))

    async def _blocked(self, month: str, before_us: int) -> bool:
        blockers = await self._store.blockers(month, before_us)
        if blockers:
            kinds = sorted({one.kind for one in blockers})
            log.warning("month_waits", month=month, blockers=len(blockers), kinds=kinds)
        return bool(blockers)

    async def _finish(self, archive: StoredArchive) -> None:
        """Verifies and drops. Verified each time, right before: a file may have changed since."""
        if await self._blocked(archive.month, archive.before_us):
            return
        problem = await self._checker.problem(archive)
        if problem:
            await self._refuse(archive, problem)
        elif await self._dropped(archive):
            await self._store.forget(archive.number)
            log.info(
                "month_dropped", month=archive.month, file=archive.file, sha256=archive.sha256.hex(), lives=archive.lives,
                events=archive.events, by=archive.by,
            )  # fmt: skip

    async def _refuse(self, archive: StoredArchive, problem: str) -> None:
        log.error("month_not_dropped", month=archive.month, file=archive.file, problem=problem)
        await self._store.refuse(archive.number, problem)

    async def _dropped(self, archive: StoredArchive) -> bool:
        said = ""
        for _ in range(DROP_TRIES):
            try:
                await self._store.drop(archive.number)
            except DropLocked as busy:
                said = str(busy)
                await asyncio.sleep(DROP_PAUSE_S)
                continue
            except DropBlocked as held:
                said = str(held)
                break
            except LogChanged as changed:
                await self._refuse(archive, str(changed))
                return False
            return True
        log.warning("month_waits", month=archive.month, error=said)
        return False

    async def status(self) -> Retention:
        """Where it stands; months in the database that are due are looked at closely."""
        before_us = due_before(self._now_us(), self._keep_months) if self._keep_months else 0
        archives = await self._store.archives()
        months = [await self._told(month, before_us, archives) for month in await self._store.months()]
        running = self._running or await self._store.busy()
        here = tuple(one for one in months if one.lives)
        return Retention(
            self._keep_months, self._folder, before_us, running, here, tuple(_shown(one) for one in archives)
        )

    async def _told(self, month: str, before_us: int, archives: tuple[StoredArchive, ...]) -> Month:
        census = await self._store.census(month, before_us)
        blockers: tuple[Blocker, ...] = ()
        if census.due:
            blockers = await self._named((await self._store.blockers(month, before_us))[:BLOCKERS_SHOWN])
            last = next((one for one in archives if one.month == month), None)
            if last is not None and last.problem:
                blockers = (*blockers, Blocker("file", what=f"{last.file}: {last.problem}"))
        return Month(shown(month), census.lives, census.due, census.open, blockers)

    async def _named(self, blockers: tuple[Blocker, ...]) -> tuple[Blocker, ...]:
        """People by the ids that operators know."""
        actors = frozenset(one.what for one in blockers if one.kind == "person")
        known = await self._people.user_ids(actors) if actors else {}
        return tuple(
            Blocker(one.kind, one.app, known.get(one.what, one.what)) if one.kind == "person" else one
            for one in blockers
        )


def _shown(one: StoredArchive) -> Archive:
    return Archive(
        one.number, shown(one.month), one.file, one.sha256.hex(), one.size, one.lives, one.events, one.by, one.exported_at,
        one.dropped_at, one.problem,
    )  # fmt: skip
