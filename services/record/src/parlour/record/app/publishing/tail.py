"""Follows every shard of the log: publishes events that their committer did not, and announces the heads of rooms.

The tail's cursor in the log moves only past settled events: after a crash some are looked at again, none is missed. An event older than
`REPUBLISH_S` is not published any more; only its room's head is announced, and readers fetch the event.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from parlour.contracts import subjects
from parlour.kernel.decider import Clock
from parlour.kernel.log import EventLog, Record
from parlour.kernel.sealing import UserKeyStore
from parlour.record.app.pacing import wait_at_most
from parlour.record.domain.beacon import RoomHeads
from parlour.record.domain.republish import RepublishTracker, message_id
from parlour.runtime.deciding.sealing import open_readable, open_records

READER = "record.tail"
"""The tail's name among the log's cursors."""
EVENTS_PER_READ = 500
UNSETTLED_MOST = 20_000
"""Events whose grace runs; at more, the log is read no further until some are settled."""
REPUBLISH_S = 60.0
SAVE_EVERY_S = 1.0
WAKE_EVERY_S = 0.05
"""A wake-up is acted on at most this often."""

_encode = msgspec.json.Encoder().encode

Publish = Callable[[str, bytes, dict[str, str]], Awaitable[None]]
"""Publishes (subject, payload, headers); ConnectionError while NATS is away."""
Count = Callable[[str, int], None]
"""Called with (outcome, events): published, republished, too_old, damaged."""


class LogTail:
    """The replica that leads calls `run` and `announce_heads`; every replica calls `add_sighting` for each event on NATS."""

    def __init__(
        self, log: EventLog, people: UserKeyStore, publish: Publish, count: Count, clock: Clock, *,
        grace_s: float, poll_s: float, beacon_s: float,
    ) -> None:  # fmt: skip
        self._log = log
        self._people = people
        self._publish = publish
        self._count = count
        self._clock = clock
        self._poll_s = poll_s
        self._beacon_s = beacon_s
        self.heads = RoomHeads()
        self._tracker = RepublishTracker(grace_s)
        self._awake = asyncio.Event()
        self._position: dict[int, int] = {}
        self._settled: dict[int, int] = {}
        self._saved_at = 0.0

    def add_sighting(self, id_: str) -> None:
        """NATS carried the event with this message id."""
        self._tracker.add_sighting(id_)
        self._awake.set()

    async def run(self) -> None:
        """Follows the log; never returns. May be called again after it raised `LogUnavailable` or what publishing raises."""
        self._tracker.reset()
        self._position = await self._log.cursor(READER)
        self._settled = {}
        while True:
            self._awake.clear()
            await self._read()
            await self._settle()
            await self._save_cursors()
            await self._pause()

    async def _read(self) -> None:
        heads = await self._log.shard_heads()
        for p, head in heads.items():
            while self._position.get(p, 0) < head and len(self._tracker) < UNSETTLED_MOST:
                records = await self._log.read_shard(p, self._position.get(p, 0), EVENTS_PER_READ)
                if not records:
                    break
                self._tracker.add_events(records, _now())
                self._position[p] = records[-1].pos

    async def _settle(self) -> None:
        settled = self._tracker.take_settled(_now())
        if not settled:
            return
        missed = tuple(one.record for one in settled if not one.published)
        await self._republish(missed)  # if it fails, `run` begins anew at the cursor, which is still before these
        self._count("published", len(settled) - len(missed))
        for one in settled:
            self.heads.update(one.record, _now())
            self._settled[one.record.p] = one.record.pos

    async def _republish(self, missed: tuple[Record, ...]) -> None:
        since_us = self._clock.at() - REPUBLISH_S * 1e6
        young = tuple(record for record in missed if record.at >= since_us)
        self._count("too_old", len(missed) - len(young))
        for start in range(0, len(young), EVENTS_PER_READ):
            page = young[start : start + EVENTS_PER_READ]
            for record, view in zip(page, await open_readable(open_records, self._people, page), strict=True):
                if view is None:
                    self._count("damaged", 1)
                    continue
                headers = {"Parlour-Seq": str(view.seq), "Parlour-Hash": view.hash, "Nats-Msg-Id": message_id(record)}
                subject = subjects.events(view.app, view.room, record.aggregate)
                await self._publish(subject, _encode(view), headers)
                self._count("republished", 1)

    async def _save_cursors(self) -> None:
        if not self._settled or _now() - self._saved_at < SAVE_EVERY_S:
            return
        self._saved_at = _now()
        moved, self._settled = self._settled, {}
        for p, pos in moved.items():
            await self._log.advance(READER, p, pos)

    async def _pause(self) -> None:
        await asyncio.sleep(WAKE_EVERY_S)
        await wait_at_most(self._awake, max(0.0, self._poll_s - WAKE_EVERY_S))

    async def announce_heads(self) -> None:
        """Publishes a round of beacons every `beacon_s`; never returns. Raises what publishing raises."""
        while True:
            await asyncio.sleep(self._beacon_s)
            for beacon in self.heads.beacons(_now()):
                await self._publish(subjects.head(beacon.p), _encode(beacon), {})
                for head in beacon.heads:
                    await self._publish(subjects.room_head(head.app, head.room), _encode(head), {})


def _now() -> float:
    """Returns the event loop's clock, in seconds."""
    return asyncio.get_running_loop().time()
