"""Follows every shard of the log: publishes what its committer did not, and tells the heads of rooms.

Where it stands is a cursor in the log, moved only past events that are settled: after a crash some are looked at again, none is missed.
What lies further back than `REPAIR_S` is not published any more, only its head is told: readers fetch it then.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import msgspec

from parlour.contracts import subjects
from parlour.kernel.log import EventLog, LogUnavailable, Record
from parlour.kernel.sealing import People
from parlour.record.domain.beacon import RoomHeads
from parlour.record.domain.republish import RepublishTracker, SettledEvent, message_id
from parlour.runtime.deciding.readable import Open, open_readable

READER = "record.tail"
PAGE = 500
WAITING_MOST = 20_000
"""Events whose grace runs; at more, the log is read no further until some are settled."""
REPAIR_S = 60.0
ADVANCE_S = 1.0
WOKEN_MS = 50
"""A wake-up is acted on at most this often."""
RETRY_MOST_S = 2.0

_encode = msgspec.json.Encoder().encode

Publish = Callable[[str, bytes, dict[str, str]], Awaitable[None]]
Note = Callable[[str, int], None]
"""(outcome, how many): told, repaired, too_old, damaged."""


class LogTail:
    """`run` and `tell_heads` are endless; `heard` and `wake` are called when NATS carries an event."""

    def __init__(
        self,
        log: EventLog,
        people: People,
        publish: Publish,
        open_records: Open,
        note: Note,
        *,
        grace_s: float,
        poll_s: float,
        beacon_s: float,
    ) -> None:
        self._log = log
        self._people = people
        self._publish = publish
        self._open = open_records
        self._note = note
        self._poll_s = poll_s
        self._beacon_s = beacon_s
        self.heads = RoomHeads()
        self._telling = RepublishTracker(grace_s)
        self._awake = asyncio.Event()
        self._position: dict[int, int] = {}
        self._settled: dict[int, int] = {}
        self._advanced_at = 0.0

    def heard(self, id_: str) -> None:
        """NATS carried the event with this message id."""
        self._telling.heard(id_)
        self._awake.set()

    async def run(self) -> None:
        """Follows the log for ever; raises `LogUnavailable` or what publishing raises, and may then be called again."""
        self._telling.start_again()
        self._position = await self._log.cursor(READER)
        self._settled = {}
        while True:
            self._awake.clear()
            await self._read()
            await self._settle()
            await self._advance()
            await self._pause()

    async def _read(self) -> None:
        heads = await self._log.shard_heads()
        for p, head in heads.items():
            while self._position.get(p, 0) < head and len(self._telling) < WAITING_MOST:
                records = await self._log.read_shard(p, self._position.get(p, 0), PAGE)
                if not records:
                    break
                self._telling.read(records, time.monotonic())
                self._position[p] = records[-1].pos

    async def _settle(self) -> None:
        settled = self._telling.settled(time.monotonic())
        if not settled:
            return
        missed = tuple(one.record for one in settled if not one.told)
        await self._repair(missed)  # if it fails, `run` begins anew at the cursor, which is still before these
        self._note("told", len(settled) - len(missed))
        self._moved(settled)

    async def _repair(self, missed: tuple[Record, ...]) -> None:
        since = (time.time() - REPAIR_S) * 1_000_000
        young = tuple(record for record in missed if record.at >= since)
        self._note("too_old", len(missed) - len(young))
        for start in range(0, len(young), PAGE):
            page = young[start : start + PAGE]
            for record, view in zip(page, await open_readable(self._open, self._people, page), strict=True):
                if view is None:
                    self._note("damaged", 1)
                    continue
                headers = {"Parlour-Seq": str(view.seq), "Parlour-Hash": view.hash, "Nats-Msg-Id": message_id(record)}
                subject = subjects.events(view.app, view.room, record.aggregate)
                await self._publish(subject, _encode(view), headers)
                self._note("repaired", 1)

    def _moved(self, settled: tuple[SettledEvent, ...]) -> None:
        now = time.monotonic()
        for one in settled:
            self.heads.moved(one.record, now)
            self._settled[one.record.p] = one.record.pos

    async def _advance(self) -> None:
        if not self._settled or time.monotonic() - self._advanced_at < ADVANCE_S:
            return
        self._advanced_at = time.monotonic()
        moved, self._settled = self._settled, {}
        for p, pos in moved.items():
            await self._log.advance(READER, p, pos)

    async def _pause(self) -> None:
        await asyncio.sleep(WOKEN_MS / 1000)
        try:
            async with asyncio.timeout(max(0.0, self._poll_s - WOKEN_MS / 1000)):
                await self._awake.wait()
        except TimeoutError:
            pass

    async def tell_heads(self) -> None:
        """Sends a round of beacons at each beat."""
        while True:
            await asyncio.sleep(self._beacon_s)
            for beacon in self.heads.beacons(time.monotonic()):
                await self._publish(subjects.head(beacon.p), _encode(beacon), {})
                for head in beacon.heads:
                    await self._publish(subjects.room_head(head.app, head.room), _encode(head), {})


async def persist(work: Callable[[], Awaitable[None]], failed: Callable[[Exception], None]) -> None:
    """Calls endless work again, with backoff, whenever the log or NATS is away."""
    pause = 0.1
    while True:
        began = time.monotonic()
        try:
            await work()
        except (LogUnavailable, ConnectionError) as error:
            failed(error)
        pause = 0.1 if time.monotonic() - began > RETRY_MOST_S * 2 else min(RETRY_MOST_S, pause * 2)
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))
