"""A relay node in this process, without its bus, and a browser window that asks it directly."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from parlour.contracts.commands import MediaSections
from parlour.contracts.relay import Negotiate, Negotiated, PlayMedia, PublishMedia, RelayFact
from parlour.relay.settings import RelaySettings
from parlour.relay.wiring import RunningNode, open_node

APP = 7
PAGE_SCRIPT = Path(__file__).parent / "relay_page.js"
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--use-fake-device-for-media-stream=fps=30", "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip


class RecordedFacts:
    """What the node told, with a way to wait for it."""

    def __init__(self) -> None:
        self.told: list[RelayFact] = []
        self._news = asyncio.Condition()

    def send(self, fact: RelayFact) -> None:
        self.told.append(fact)

    async def wait(self, wanted: Callable[[RelayFact], bool], within_s: float = 10.0) -> RelayFact:
        """The first fact that is wanted, or a failure that lists what was told."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            for fact in self.told:
                if wanted(fact):
                    return fact
            await asyncio.sleep(0.01)
        raise AssertionError(f"not told: {self.told}")


class Bench:
    """A node with what tests ask of it."""

    def __init__(self, node: RunningNode, facts: RecordedFacts) -> None:
        self.node = node
        self.facts = facts

    def negotiate(
        self,
        sdp: str,
        *,
        owner: str = "someone",
        transport_id: str = "",
        publish: tuple[str, str, str] | None = None,
        play: tuple[str, str, str] | None = None,
        codec: str = "",
    ) -> Negotiated:
        """An offer with (stream, audio mid, video mid) to publish or to play."""
        return self.node.relay.negotiate(
            Negotiate(
                app=APP,
                owner=owner,
                sdp=sdp,
                transport_id=transport_id,
                publish=(PublishMedia(publish[0], MediaSections(publish[1], publish[2]), codec),) if publish else (),
                play=(PlayMedia(play[0], MediaSections(play[1], play[2])),) if play else (),
            )
        )


@asynccontextmanager
async def running_node(**settings: Any) -> AsyncGenerator[Bench]:
    """A node on free ports of all local addresses."""
    facts = RecordedFacts()
    async with open_node(RelaySettings(node="test", **settings), facts.send) as node:
        yield Bench(node, facts)


class Window:
    """One browser page with the functions of `relay_page.js`; offers go straight to the node."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def run(self, script: str) -> Any:
        """The value of an async expression in the page."""
        return await self.page.evaluate(f"async () => ({script})")
