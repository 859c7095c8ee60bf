"""The way from domain events to acknowledged facts.

A service hands a `Draft` to `Committer.commit` and gets it back as `Done` after the log has it and NATS has been told. Drafts of concurrent
callers travel in one append call: a lane takes whatever waits while its call before is under way, so one command alone waits for nobody.
A room's drafts all take the same lane and keep their order, so that a later draft may be decided on top of an earlier one.

What happens to a draft: `Done` · `Stale` (load, decide again) · `ClaimRefused` · `Rejection` (the command id was used for something else) ·
`LogUnavailable` (unknown whether it was done; the same command id again is safe). A failed publication never fails the command: `record`
repairs it.
"""

from types import TracebackType

from parlour.contracts.subjects import partition
from parlour.kernel.log import Claim, EventLog
from parlour.kernel.sealing import People
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.telemetry.metrics import Metrics

from .drafts import Call as Call
from .drafts import Change as Change
from .drafts import ClaimRefused as ClaimRefused
from .drafts import Done as Done
from .drafts import Draft as Draft
from .drafts import Stale as Stale
from .drafts import call_of as call_of
from .drafts import digest_of as digest_of
from .drafts import position_of as position_of
from .drafts import principal_of as principal_of
from .drafts import reply_of as reply_of
from .lanes import Lane

LANES = 2
"""Append calls under way at once: one computes in Postgres while this process works on the other's events."""


class Committer:
    """Use as `async with Committer(log, people, bus, metrics) as committer`."""

    def __init__(
        self, log: EventLog, people: People, bus: Bus, metrics: Metrics | None = None, lanes: int = LANES
    ) -> None:
        metrics = metrics or bus.metrics
        self._lanes = [Lane(log, people, bus, metrics) for _ in range(lanes)]

    async def __aenter__(self) -> "Committer":
        for lane in self._lanes:
            lane.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for lane in self._lanes:
            await lane.stop()

    async def commit(self, draft: Draft) -> Done:
        """Returns after the commit. Takes its place in the lane before it first waits."""
        room = draft.room or (draft.changes[0].log.room if draft.changes else "")
        return await self._lane(draft.app, room).submit(draft)

    async def recall(self, call: Call) -> Done | None:
        """What this command id was answered before, if it was. Appends nothing."""
        never = Claim("require", "never", call.app, "", "nobody")
        probe = Draft(call.app, call.command_id, call.principal, call.digest, claims=(never,))
        try:
            return await self._lane(call.app, call.room).submit(probe)
        except ClaimRefused:
            return None

    def _lane(self, app: int, room: str) -> Lane:
        return self._lanes[partition(app, room) % len(self._lanes)]
