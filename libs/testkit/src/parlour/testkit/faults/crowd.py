"""The load of a fault test: small rooms full of members who all send a command at each beat and wait for its answer."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from parlour.contracts.codes import Code
from parlour.testkit.history import ClientHistory

from .member import ANSWER_WITHIN_S, Attempt, Member

ROOM_SIZE = 4
BEAT_S = 1.0
LATE_S = 1.0
"""This process was kept from its work for so long: a member that gave up a silent connection says nothing of its gateway."""
ENTER_AT_ONCE = 16
CLEAR = frozenset(
    {Code.UNAVAILABLE, Code.REQUEST_TIMEOUT, Code.RELAY_UNAVAILABLE, Code.MESSAGE_RATE, Code.RATE_LIMITED}
)
"""What a client may be told during an outage: each says that the same command may be sent again."""


@dataclass
class Crowd:
    """`size` members over all gateways. `name` is the beginning of its rooms' names; `dice` chooses what is sent."""

    urls: Sequence[str]
    app: int
    name: str
    size: int
    token: Callable[[str], str]
    dice: random.Random
    members: list[Member] = field(default_factory=list[Member])
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list["asyncio.Task[None]"])
    lag_s: float = 0.0
    """The longest that this very process was kept from its work: nobody else's lateness."""
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _clock: "asyncio.Task[None] | None" = None

    async def enter(self) -> None:
        """All log in."""
        gate = asyncio.Semaphore(ENTER_AT_ONCE)
        for number in range(self.size):
            room, user = f"{self.name}-{number // ROOM_SIZE}", f"{self.name}-u{number}"
            turn = number % len(self.urls)
            urls = (*self.urls[turn:], *self.urls[:turn])
            self.members.append(Member(urls, self.app, room, user, self.token(user)))

        async def enter(member: Member) -> None:
            async with gate:
                await member.enter()

        await asyncio.gather(*map(enter, self.members))

    def start(self) -> None:
        """Begins to send."""
        self._tasks = [asyncio.create_task(self._talk(member)) for member in self.members]
        self._clock = asyncio.create_task(self._measure_lag())

    @property
    def in_flight(self) -> int:
        """Commands sent and not answered."""
        return sum(member.waiting for member in self.members)

    async def until_in_flight(self, least: int) -> int:
        """Waits for a moment with so many commands under way."""
        async with asyncio.timeout(20):
            while (now := self.in_flight) < least:  # noqa: ASYNC110 an event would tell of it when it is over
                await asyncio.sleep(0.002)
        return now

    async def finish(self, within_s: float) -> None:
        """Sends nothing more, and waits until everything that was sent is acknowledged."""
        self._stop.set()
        async with asyncio.timeout(within_s):
            await asyncio.gather(*self._tasks)

    async def leave(self) -> None:
        """The end."""
        tasks = [*self._tasks, *([self._clock] if self._clock else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*(member.leave() for member in self.members), *tasks, return_exceptions=True)

    def histories(self) -> list[ClientHistory]:
        """Of all, for the checker."""
        return [member.history() for member in self.members]

    def attempts(self, since: float = 0.0) -> list[Attempt]:
        """Every sending that began after a moment (monotonic seconds)."""
        return [attempt for member in self.members for attempt in member.attempts if attempt.began >= since]

    def complaints(self, since: float, *, gateway_died: bool = False) -> list[str]:
        """What a client may not be told: an unclear no, or nothing at all within the limit."""
        found = Counter(
            f"{attempt.kind}: {attempt.code} after {attempt.took_s:.0f} s"
            for attempt in self.attempts(since)
            if attempt.code not in {0, *CLEAR} and not (attempt.code < 0 and (gateway_died or self.lag_s > LATE_S))
        )
        late = [attempt for attempt in self.attempts(since) if attempt.took_s > ANSWER_WITHIN_S + self.lag_s]
        return [*(f"{what} ({count} times)" for what, count in found.items()), *(f"late: {a}" for a in late)]

    async def _measure_lag(self) -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.1)
            self.lag_s = max(self.lag_s, 2 * (time.monotonic() - began - 0.1))

    async def _talk(self, member: Member) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            kind, fields = self._something(member, number)
            await member.say(kind, **fields)
            pause = BEAT_S - time.monotonic() % BEAT_S  # all at the same beat
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stop.wait()

    def _something(self, member: Member, number: int) -> tuple[str, dict[str, object]]:
        text = f"{member.user} {number}"
        match self.dice.randrange(4):
            case 0:
                return "broadcast", {"message": text}
            case 1:
                return "barrage", {"message": text}
            case 2:
                others = [other.user for other in self.members if other.room == member.room and other is not member]
                return "command", {"command": text, "toUserIDs": [self.dice.choice(others)]}
            case _:
                return "roomExtraInfo", {"key": "said", "value": text}
