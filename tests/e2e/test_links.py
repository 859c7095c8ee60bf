"""Links to our own pages: whatever an address names, tokens, cameras and microphones go to the server that the page came from."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

import pytest

from parlour.testkit.browser.conditions import PUBLISHING
from parlour.testkit.browser.window import OpenWindow, page_address
from parlour.testkit.suite import Suite


@asynccontextmanager
async def foreign_server() -> AsyncIterator[tuple[str, list[str]]]:
    """A server of somebody else: its address, and the connections that it got."""
    connections: list[str] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append((await reader.readline()).decode(errors="replace"))
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws", connections


@pytest.mark.parametrize("page", ["/demo/video", "/demo/voice"])
async def test_a_link_that_names_another_server_neither_joins_nor_connects_there(
    suite: Suite, window: OpenWindow, room: str, page: str
) -> None:
    async with foreign_server() as (address, connections):
        visitor = await window(f"{suite.url}{page}?room={room}&user=ann&server={quote(address)}")
        await visitor.page.get_by_text("names another server").first.wait_for()
        assert not await visitor.page.evaluate("window.__engines.length"), "nothing starts by itself"
        await visitor.page.locator("#login").press("Enter")
        await visitor.until(PUBLISHING)
        sockets = await visitor.page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
        assert not [name for name in sockets if address.removeprefix("ws://") in name]
        assert not connections
    assert {event["data"].get("userID", "ann") for event in suite.events(room)} == {"ann"}, "the room is this server's"


async def test_the_debug_page_connects_to_its_own_server_alone(suite: Suite, window: OpenWindow, room: str) -> None:
    async with foreign_server() as (address, connections):
        visitor = await window(f"{suite.url}/debug?room={room}&user=ann&server={quote(address)}")
        await visitor.page.locator("#login").press("Enter")
        await visitor.until("calls.some(c => c.name === 'roomStateChanged' && c.args[1] === 'LOGINED')")
        assert not connections


async def test_a_token_in_the_fragment_is_used_and_does_not_stay_in_the_address(
    suite: Suite, window: OpenWindow, room: str
) -> None:
    url = page_address(suite.url, "/demo/video", token=suite.dev_token("ann"), room=room, user="ann", app=suite.app_id)
    asked: list[str] = []
    visitor = await window("about:blank")
    visitor.page.on("request", lambda request: asked.append(request.url))
    await visitor.page.goto(url)
    await visitor.until(PUBLISHING)
    assert "token" not in visitor.page.url
    assert not [address for address in asked if "token" in address], "the token is in no request's address"
