"""The README's code blocks, in their order, in a suite of their own."""

import asyncio
import os
import re
import shlex
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from parlour.testkit.browser.chromium import chromium
from parlour.testkit.client import RawClient
from parlour.testkit.suite import Suite, running_suite

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TAKES_TOO_LONG = {"make test": "make --dry-run test"}
"""The tests would start themselves: it is enough that the verb stands."""


class Block(NamedTuple):
    language: str
    text: str


def blocks(language: str = "") -> list[Block]:
    found = [Block(*match.groups()) for match in BLOCK.finditer((ROOT / "README.md").read_text())]
    return [block for block in found if not language or block.language == language]


@pytest.fixture(scope="module")
def suite() -> Iterator[Suite]:
    """Up already, so that `make up` finds it running."""
    with running_suite() as running:
        yield running


@pytest.fixture
async def somebody_in_the_lobby(suite: Suite) -> AsyncIterator[None]:
    """The tour looks at a room called lobby."""
    login_token = suite.token("ada")  # made before the socket is open: one that logs in late is closed
    client = await RawClient.open(suite.url)
    await client.login(suite.app_id, "lobby", "ada", login_token)
    yield
    await client.close()


def test_every_block_has_a_test() -> None:
    assert {block.language for block in blocks()} == {"sh", "html", "text"}


async def test_the_script_line_gives_the_engine(suite: Suite) -> None:
    (block,) = blocks("html")
    page_text = re.sub(r"http://[\w.:]+", suite.url, block.text)
    async with chromium() as browser:
        page = await browser.new_page()
        await page.goto(suite.url)
        await page.set_content(page_text, wait_until="load")
        assert await page.evaluate("typeof ZegoExpressEngine") == "function"


def test_the_folders_of_the_map_are_there() -> None:
    (block,) = blocks("text")
    for folder in re.findall(r"\b(?:libs|services)/[\w-]*", block.text):
        assert (ROOT / folder).is_dir(), folder


@pytest.mark.usefixtures("somebody_in_the_lobby")
async def test_the_commands_do_what_they_say(suite: Suite) -> None:
    """Last in this module: the tour ends with `make down`."""
    for block in blocks("sh"):
        for line in filter(None, block.text.splitlines()):
            command = TAKES_TOO_LONG.get(line, line)
            environment = {**suite.environment, "PATH": os.environ["PATH"]}
            done = await asyncio.to_thread(
                subprocess.run, shlex.split(command), cwd=ROOT, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
            assert done.stdout.strip(), line
