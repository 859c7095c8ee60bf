"""Commits the units that services decide.

A service hands an `AppendUnit` to `Committer.commit` and gets a `CommitResult` once the log has it; the events are published on NATS right
after. Units of concurrent callers travel in one append call. All units of a room take the same queue and keep their order, so that a later
one may be decided on top of an earlier one.

A commit fails with `Stale` (load and decide again), `ClaimRefused`, `Rejection` (the command id was used for another command) or
`LogUnavailable` (it is not known whether the unit was committed; the same command id again is safe). A failed publication never fails the
command: the record service republishes.
"""

from parlour.contracts.subjects import partition
from parlour.kernel.log import AppendUnit, Claim, EventLog
from parlour.kernel.sealing import UserKeyStore
from parlour.runtime.messaging.bus import Bus

from .append_queue import AppendQueue
from .context import ClaimRefused, CommandContext, CommitResult

APPEND_QUEUES = 2
"""Append calls under way at once: Postgres works on one while this process encodes the events of the other."""


class Committer:
    """Use as `async with Committer(log, people, bus) as committer`."""

    def __init__(self, log: EventLog, people: UserKeyStore, bus: Bus, queues: int = APPEND_QUEUES) -> None:
        self._queues = [AppendQueue(log, people, bus) for _ in range(queues)]
        bus.metrics.commits_waiting.set_function(lambda: sum(queue.waiting for queue in self._queues))

    async def __aenter__(self) -> "Committer":
        for queue in self._queues:
            queue.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for queue in self._queues:
            await queue.stop()

    async def commit(self, unit: AppendUnit) -> CommitResult:
        """Returns after the commit. The unit is in its queue before this coroutine first waits."""
        room = unit.room or (unit.appends[0].log.room if unit.appends else "")
        return await self._queue(unit.app, room).submit(unit)

    async def find_result(self, context: CommandContext) -> CommitResult | None:
        """Returns the result of this command id if it was committed before. Appends nothing."""
        never = Claim("require", "never", context.app, "", "nobody")
        probe = AppendUnit(context.app, context.command_id, context.principal, context.digest, claims=(never,))
        try:
            return await self._queue(context.app, context.room).submit(probe)
        except ClaimRefused:
            return None

    def _queue(self, app: int, room: str) -> AppendQueue:
        return self._queues[partition(app, room) % len(self._queues)]
