"""Every shell, Python, JavaScript and SQL block of the tutorial and the how-tos does what its page says."""

import ast
import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from parlour.cli.supervise.checkout import ROOT
from parlour.testkit.browser.chromium import chromium
from parlour.testkit.client import RawClient, raw_client
from parlour.testkit.pages import Block, blocks_of, filled, pages, run_shell
from parlour.testkit.suite import Suite, running_suite
from parlour.testkit.waiting import eventually

ROOM = "lobby"
BY_OTHER_TESTS = "another test runs it: "
NOT_RUN = {
    ("how-to/audit.md", "pip install"): BY_OTHER_TESTS + "tests/packages/test_packages.py",
    ("how-to/backup.md", ""): BY_OTHER_TESTS + "tests/readme/test_operations.py",
    ("how-to/compose.md", "sh deploy/docker/secrets.sh"): BY_OTHER_TESTS + "make compose-test",
    ("how-to/compose.md", 'echo "PARLOUR_NATS_ISSUER'): BY_OTHER_TESTS + "make compose-test",
    ("how-to/compose.md", "make compose-test"): "it is a test itself",
    ("how-to/existing-servers.md", "export PARLOUR_POSTGRES_DSN"): BY_OTHER_TESTS + "tests/faults/test_up.py",
    ("how-to/faults.md", "make faults"): "it is a test itself",
    ("how-to/faults.md", "PARLOUR_FAULTS_SEED"): "it is a test itself",
    ("how-to/faults.md", "make guarantees"): "it is a test itself",
    ("how-to/from-another-machine.md", ".venv/bin/parlour up"): BY_OTHER_TESTS + "tests/network/test_from_elsewhere.py",
    ("how-to/follow-over-http.md", "TOKEN="): BY_OTHER_TESTS + "tests/integration/test_gateway_reading.py",
    ("how-to/image.md", "make image"): "it builds the image that make compose-test builds",
    (
        "how-to/kubernetes.md",
        "",
    ): "make k8s-test takes these steps on a cluster, but for the image, the forwarded port and the upgrade",
    ("how-to/packages.md", "make packages"): BY_OTHER_TESTS + "tests/packages/test_packages.py",
    ("how-to/tls-and-proxies.md", ".venv/bin/parlour doctor"): BY_OTHER_TESTS + "tests/readme/test_proxy.py",
    ("how-to/upgrade.md", "make down"): "it replaces the checkout",
    ("how-to/move-an-application.md", "npm install"): BY_OTHER_TESTS + "libs/sdk-web/tests/package.test.ts",
    ("how-to/subscribe-over-nats.md", ""): BY_OTHER_TESTS + "test_nats_outlet.py and test_nats_subscriber.py",
    ("how-to/tokens.md", ".venv/bin/parlour apps create"): BY_OTHER_TESTS + "tests/integration/test_auth_service.py",
    ("how-to/turn.md", 'echo "PARLOUR_ADVERTISE'): BY_OTHER_TESTS + "make compose-test",
    ("how-to/turn.md", "turnserver"): BY_OTHER_TESTS + "tests/network/test_relayed_call.py",
    ("how-to/webhooks.md", ""): BY_OTHER_TESTS + "tests/integration/test_webhooks.py and test_webhooks_http.py",
    ("how-to/whip-and-whep.md", "TOKEN=$(.venv/bin/parlour token --app"): BY_OTHER_TESTS + "test_gateway_whip.py",
    ("how-to/whip-and-whep.md", "TOKEN=$(.venv/bin/parlour token --user"): BY_OTHER_TESTS + "test_gstreamer.py",
    ("how-to/retention.md", ".venv/bin/parlour retention"): BY_OTHER_TESTS + "tests/integration/test_retention.py",
    ("tutorial/first-call.md", "make up"): BY_OTHER_TESTS + "the README's",
}
"""Blocks that this test leaves alone, by page and the beginning of the first line, each with the reason."""
MAY_FAIL = {"how-to/observe.md": 1}
"""Exit codes that say something: nobody publishes in this suite, so that `flight` finds no relay that carries the room."""
STOPS_AFTER_S, STOPPED = 10, 124
ENDLESS = {"how-to/follow-over-http.md", "how-to/follow-over-websocket.md", "how-to/room-followers.md"}
"""Pages whose last command follows a room for ever: it is enough that it prints what happens."""
SHELL = "sh"


@pytest.fixture(scope="module")
def suite() -> Iterator[Suite]:
    with running_suite({"PARLOUR_RECORD_CHECKPOINT_S": "1"}) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def words(suite: Suite) -> AsyncIterator[dict[str, str]]:
    """What the pages leave to their reader; somebody is in the lobby meanwhile and has said something."""
    login_token = suite.token("ann")  # made before the socket is open: one that logs in late is closed
    ann = await RawClient.open(suite.url)
    await ann.login(suite.app_id, ROOM, "ann", login_token)
    await ann.ask("broadcast", roomID=ROOM, message="hello")
    call = str(suite.replay(ROOM)["roomUID"])
    await traced(suite, str(suite.events(ROOM)[0]["traceID"]))
    token = suite.run("token", "--subscribe", "--scope", "events", "--scope", "history", "--scope", "audit").stdout
    yield {
        "APP_ID": str(suite.app_id), "ROOM_UID": call, "019a…": call, " ROOM ": f" {ROOM} ", "'ROOM'": f"'{ROOM}'",
        "$room_uid": call, "READER_TOKEN": token.strip(),
    }  # fmt: skip
    await ann.close()


async def traced(suite: Suite, trace_id: str) -> None:
    """Waits until a request's spans are in the files of traces, which are written behind the request."""
    folder = Path(str(suite.status()["state_folder"])) / "traces"

    def written() -> bool:
        return any(trace_id in file.read_text() for file in folder.glob("*.jsonl"))

    await eventually(written, f"spans of {trace_id}", timeout_s=30, poll_s=0.05)


def runnable(language: str) -> list[Block]:
    found = [block for page in pages() for block in blocks_of(page) if block.language == language]
    return [block for block in found if not is_left_alone(block)]


def is_left_alone(block: Block) -> bool:
    return any(block.page == page and block.first.startswith(start) for page, start in NOT_RUN)


def test_the_list_of_what_is_not_run_names_blocks_that_are_there() -> None:
    there = [block for page in pages() for block in blocks_of(page)]
    for page, start in NOT_RUN:
        assert any(block.page == page and block.first.startswith(start) for block in there), (page, start)


def test_every_block_says_its_language() -> None:
    without = [f"{block.page}: {block.first}" for page in pages() for block in blocks_of(page) if not block.language]
    assert not without


def test_commands_stand_in_fenced_blocks() -> None:
    """An indented block has no language, so that no test would run it."""
    command = re.compile(r"^    (?:\.venv/bin/)?(?:parlour|curl|make|docker|pip|npm|psql|SELECT)\b.*", re.MULTILINE)
    indented = [f"{page.name}: {found[0].strip()}" for page in pages() for found in command.finditer(unfenced(page))]
    assert indented == []


def unfenced(page: Path) -> str:
    """A page's text without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def test_json_is_json() -> None:
    for block in runnable("json"):
        lines = block.text.splitlines() if block.text.startswith('{"t"') else [block.text]
        for line in lines:
            json.loads(line)


@pytest.mark.parametrize("page", sorted({block.page for block in runnable(SHELL)}))
async def test_the_shell_blocks_of_a_page_run_in_order(
    suite: Suite, words: dict[str, str], page: str, tmp_path: Path
) -> None:
    text = filled("".join(block.text for block in runnable(SHELL) if block.page == page), suite, words)
    done = await asyncio.to_thread(run_shell, text, suite, tmp_path, STOPS_AFTER_S if page in ENDLESS else None)
    assert done.returncode == (STOPPED if page in ENDLESS else MAY_FAIL.get(page, 0)), f"{done.stdout}\n{done.stderr}"
    assert done.stdout.strip()
    assert "Traceback" not in done.stderr


async def test_sql_blocks_answer(suite: Suite, words: dict[str, str]) -> None:
    """Somebody is in a room of their own meanwhile: other pages close the lobby, and then nothing is claimed."""
    token = suite.token("dba")
    async with raw_client(suite.url) as member, connected(suite) as database:
        await member.login(suite.app_id, "archive", "dba", token)
        for block in runnable("sql"):
            for statement in filter(str.strip, filled(block.text, suite, words).split(";\n")):
                assert await database.fetch(statement), f"{block.page}: {statement}"


@asynccontextmanager
async def connected(suite: Suite) -> AsyncIterator[Any]:
    database: Any = await asyncpg.connect(suite.status()["postgres"])
    try:
        yield database
    finally:
        await database.close()


async def test_javascript_blocks_run_in_a_page(suite: Suite, words: dict[str, str]) -> None:
    async with chromium() as browser:
        page = await browser.new_page()
        await page.goto(f"{suite.url}/demo/video")
        for block in runnable("js"):
            text = block.text
            setting = f"const appID = {suite.app_id}, server = '', token = {json.dumps(words['READER_TOKEN'])};"
            await page.evaluate(f"async () => {{ {setting}\n{text}\n }}")


def python_block(page: str, having: str) -> str:
    (found,) = [block.text for block in runnable("python") if block.page == page and having in block.text]
    return found


async def test_the_python_client_s_blocks_read_the_lobby(suite: Suite, words: dict[str, str], tmp_path: Path) -> None:
    member = python_block("how-to/python-client.md", "room.broadcast")
    text = filled(member, suite, {', 1, "04…"': f', {suite.app_id}, "{suite.token("ada")}"'})
    script = tmp_path / "member.py"
    script.write_text(text)
    done = await asyncio.to_thread(run_shell, f".venv/bin/python {script}\n", suite, tmp_path, STOPS_AFTER_S)
    assert done.returncode == STOPPED, done.stderr
    assert "in the room now" in done.stdout
    reader = python_block("how-to/python-client.md", "Records(")
    head, _, body = reader.partition("\n\n")
    script = tmp_path / "reader.py"
    known = f"url, token, kept_position = {suite.url!r}, {words['READER_TOKEN']!r}, None\n"
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    script.write_text(f"import asyncio\n{head}\n\n{known}\nasync def main():\n{lines}\nasyncio.run(main())\n")
    done = await asyncio.to_thread(run_shell, f".venv/bin/python {script}\n", suite, tmp_path, STOPS_AFTER_S)
    assert done.returncode == STOPPED, done.stderr
    assert "room.opened.v1" in done.stdout


async def test_the_recipes_for_signed_tokens_make_tokens_that_log_in(suite: Suite, tmp_path: Path) -> None:
    """In Python with PyJWT and in Node with nothing, with the app's secret and with a key of the app's own."""
    secret = str(suite.status()["app_secret"])
    pem, public = key_pair()
    suite.run("apps", "keys", "add", str(suite.app_id), written(tmp_path / "public.pem", public), "--kid", "recipe")
    python = python_block("how-to/tokens.md", "def login_token(")
    of_secret, of_key = [block.text for block in runnable("javascript") if block.page == "how-to/tokens.md"]
    programs = {
        "python": ([sys.executable], f"{python}\nprint(login_token({suite.app_id}, 'python', {secret!r}))\n"),
        "node": (["node"], f"{of_secret}\nconsole.log(loginToken({suite.app_id}, 'node', {json.dumps(secret)}));\n"),
        "node-key": (
            ["node"],
            f"{of_key}\nconsole.log(loginTokenOfKey({suite.app_id}, 'node-key', {json.dumps(pem)}, 'recipe'));\n",
        ),
    }
    for user, (interpreter, text) in programs.items():
        script = written(tmp_path / f"{user}.cjs", text)
        token = (await asyncio.to_thread(run_program, [*interpreter, script])).strip()
        async with raw_client(suite.url) as client:
            await client.login(suite.app_id, "recipes", user, token)


def key_pair() -> tuple[str, str]:
    """A new Ed25519 key, private and public, in PEM."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private.decode(), key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def run_program(command: list[str]) -> str:
    environment = {**os.environ, "PATH": f"{ROOT / '.venv' / 'node'}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_python_block_compiles() -> None:
    for block in runnable("python"):
        compile(block.text, block.page, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
