"""The stream itself: what it writes, and when it ends: a client that is gone, one that takes nothing, a gateway that stops."""

import asyncio
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any, cast

import pytest

from parlour.contracts.codes import Code
from parlour.contracts.ids import Position
from parlour.gateway.api import sse
from parlour.gateway.api.sse import EventStream
from parlour.gateway.app.delivery.cursor import Page
from parlour.gateway.app.delivery.readers import Reader
from parlour.gateway.domain.encoded_event import EncodedEvent
from parlour.gateway.domain.frame_batch import Item, Skip
from parlour.kernel.rejection import Rejection
from parlour.testkit.story import Story

PLACE = Position("00000000-0000-0000-0000-000000000001", 3, "0" * 16)


class Script:
    """A reader whose pages are written down; behind the last it waits."""

    def __init__(self, *pages: Page | Exception) -> None:
        self.pages = list(pages)
        self.changed = asyncio.Event()
        self.closing = False
        self.cursor = SimpleNamespace(position=PLACE)

    async def read_page(self, limit: int) -> Page:
        found = self.pages.pop(0) if self.pages else Page([], self.cursor.position, False)
        if isinstance(found, Exception):
            raise found
        return found

    async def wait(self, seconds: float) -> None:
        if not self.pages:
            await self.changed.wait()
            self.changed.clear()


class Client:
    """The other side: takes pieces while it `reads`; `leave` ends it."""

    def __init__(self, script: Script, first: Page, *, reads: bool = True) -> None:
        self.text = ""
        self.released = False
        self._reads = reads
        self._gone = asyncio.Event()
        held = AsyncExitStack()
        held.callback(lambda: setattr(self, "released", True))
        self._stream = EventStream(cast("Reader", script), first, held, {})

    async def run(self) -> str:
        async with asyncio.timeout(5):
            await self._stream({}, self._receive, self._send)
        return self.text

    def leave(self) -> None:
        self._gone.set()

    async def _receive(self) -> Any:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if not self._reads and message["type"] == "http.response.body":
            await asyncio.Event().wait()
        self.text += message.get("body", b"").decode()


def a_page(*items: Item) -> Page:
    return Page(list(items), PLACE, False)


async def test_an_event_a_skip_and_the_end() -> None:
    kept = EncodedEvent(Story().opened())
    ending = Rejection(Code.TOKEN_REFUSED, "the token was revoked")
    text = await Client(Script(a_page(Skip(2, 3, "p")), ending), a_page(kept)).run()
    retry, event, skip, end, rest = text.split("\n\n")
    assert retry.startswith("retry: ")
    assert event == f"id: {kept.position}\ndata: {kept.json.decode()}"
    assert skip == 'event: skip\nid: p\ndata: {"from":2,"to":3,"pos":"p"}'
    assert end.startswith('event: end\ndata: {"code":1102020')
    assert not rest


@pytest.mark.parametrize("code", sorted(sse.TRANSIENT_CODES))
async def test_what_passes_ends_the_body_and_not_the_right_to_read(code: Code) -> None:
    kept = EncodedEvent(Story().opened())
    text = await Client(Script(Rejection(code, "not now")), a_page(kept)).run()
    assert "event: end" not in text
    assert text.endswith(f"id: {kept.position}\ndata: {kept.json.decode()}\n\n")


async def test_a_place_that_is_not_ours_goes_on_anew() -> None:
    there = Position(PLACE.room_uid, 9, "a" * 16)
    script = Script(Page([], there, more=False, diverged=True), Rejection(Code.FORBIDDEN, "over"))
    text = await Client(script, a_page()).run()
    assert f"event: resync\nid: {there}\n" in text


async def test_a_client_that_leaves_frees_its_place() -> None:
    client = Client(Script(), a_page())
    running = asyncio.ensure_future(client.run())
    client.leave()
    await running
    assert client.released


async def test_a_gateway_that_stops_ends_its_streams() -> None:
    script = Script()
    client = Client(script, a_page())
    running = asyncio.ensure_future(client.run())
    script.closing = True
    script.changed.set()
    await running
    assert client.released


async def test_a_client_that_takes_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "STUCK_S", 0.01)
    client = Client(Script(), a_page(EncodedEvent(Story().opened())), reads=False)
    await client.run()
    assert client.released


async def test_silence_is_broken_by_a_comment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_S", 0.0)
    script = Script(a_page(), Rejection(Code.FORBIDDEN, "over"))
    assert ": \n\n" in await Client(script, a_page()).run()
