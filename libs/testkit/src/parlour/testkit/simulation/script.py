"""What a client does in a run: drawn action by action, each with its retries, until the run grows calm."""

import asyncio
from collections.abc import Awaitable, Callable

from .client import Client, Over, Refused
from .world import World

ROOMS = ("lobby", "stage.2")
KEYS = ("topic", "mood")
PAUSE_S = (0.02, 0.8)


class Actor:
    """One client with its intentions."""

    def __init__(self, client: Client, world: World) -> None:
        self.client = client
        self.gone = False
        """Vanished: it never comes back, and says nothing."""
        self._world = world
        self._chance = world.chance
        self._made = 0
        self._streams: set[str] = set()
        self._deeds: list[tuple[int, Callable[[], Awaitable[object]]]] = [
            (30, self._say), (12, self._extra), (8, self._signal), (6, self._burst), (12, self._publish), (6, self._stop),
            (5, self._describe_stream), (10, self._play), (4, self._stop_play), (12, self._drop), (5, self._move), (2, self._vanish),
        ]  # fmt: skip

    async def play(self, until: float) -> None:
        """Acts until the time is up, then only keeps its connection."""
        loop = asyncio.get_running_loop()
        while loop.time() < until and self._at_it:
            await self._act()
            await asyncio.sleep(self._chance.uniform(*PAUSE_S))
        while self._at_it:
            await self._attempt("stay", self._stay)
            await asyncio.sleep(0.5)

    @property
    def _at_it(self) -> bool:
        return not self.gone and not self.client.final

    async def _act(self) -> None:
        if not self.client.room:
            self._streams.clear()
            await self._attempt("login", self._enter)
            return
        deed = self._chance.choices([d for _, d in self._deeds], [weight for weight, _ in self._deeds])[0]
        await self._attempt(deed.__name__.strip("_"), deed)

    async def _attempt(self, what: str, deed: Callable[[], Awaitable[object]]) -> None:
        try:
            await deed()
            if what != "stay":
                self._world.note(f"{self.client.name} {what} done")
        except (Refused, Over, TimeoutError, ConnectionError) as no:
            self._world.note(f"{self.client.name} {what} {no!r}")

    async def _stay(self) -> None:
        if not self.client.room:
            await self.client.login(ROOMS[0])
        await self.client.stay()

    async def _enter(self) -> None:
        await self.client.login(self._chance.choice(ROOMS))

    async def _move(self) -> None:
        await self.client.command("logout", appends=False)
        self.client.leave_behind()

    async def _say(self) -> None:
        await self.client.command("broadcast", message=self._text())

    async def _burst(self) -> None:
        await asyncio.gather(
            *(self.client.command("barrage", message=self._text()) for _ in range(3)), return_exceptions=True
        )

    async def _signal(self) -> None:
        everybody = self._chance.random() < 0.5
        named = [] if everybody else [self._chance.choice(("ann", "bob", "cem", "dia"))]
        await self.client.command("command", appends=everybody, command=self._text(), toUserIDs=named)

    async def _extra(self) -> None:
        await self.client.command("roomExtraInfo", key=self._chance.choice(KEYS), value=self._text())

    async def _publish(self) -> None:
        stream = f"{self.client.user}-{self._chance.randrange(2)}"
        appends = stream not in self._streams
        media = {"audioMid": "0", "videoMid": "1"}
        await self.client.command("publish", appends=appends, streamID=stream, sdp=self._text(), media=media)
        self._streams.add(stream)

    async def _stop(self) -> None:
        if self._streams:
            stream = self._chance.choice(sorted(self._streams))
            self._streams.discard(stream)
            await self.client.command("stopPublish", appends=False, streamID=stream)

    async def _describe_stream(self) -> None:
        if self._streams:
            stream = self._chance.choice(sorted(self._streams))
            await self.client.command("streamExtraInfo", appends=False, streamID=stream, extraInfo=self._text())

    async def _play(self) -> None:
        if self.client.view.streams:
            stream = self._chance.choice(sorted(self.client.view.streams))
            media = {"audioMid": "0"}
            await self.client.command("play", appends=False, streamID=stream, sdp=self._text(), media=media)

    async def _stop_play(self) -> None:
        if self.client.view.streams:
            stream = self._chance.choice(sorted(self.client.view.streams))
            await self.client.command("stopPlay", appends=False, streamID=stream)

    async def _drop(self) -> None:
        self.client.drop(self._chance.choice((0.0, 0.3, 3.0)))

    async def _vanish(self) -> None:
        self.gone = True
        self.client.drop(self._chance.choice((0.0, 2.0)))

    def _text(self) -> str:
        self._made += 1
        return f"{self.client.name} {self._made}"
