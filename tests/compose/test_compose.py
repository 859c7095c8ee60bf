"""docker-compose.yml, built, started and called through: two Chromium windows see and hear each other over its published ports. Then
again through coturn alone, and with readers.yml beside it: a program outside follows the first call's room over NATS."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode

import pytest

from parlour.cli.embedded.launch import free_port
from parlour.testkit.browser.chromium import chromium
from parlour.testkit.browser.conditions import STREAM_ADDED
from parlour.testkit.browser.window import Window, open_window
from parlour.testkit.containers import Compose
from parlour.testkit.network.calls import stats

ROOT = Path(__file__).resolve().parents[2]
STAND_INS = Path(__file__).with_name("stand-ins")
READER = ROOT / "examples/nats_subscriber.py"
ROOM = "boxes"
SERVICES = ("auth", "room", "registry", "im", "record", "relay", "gateway")
READY_WITHIN_S = 120.0
SEEN_WITHIN_S = 60.0
"""A transport that does not come up is given up after 30 s, and made anew."""
pytestmark = [
    pytest.mark.skipif(not os.environ.get("PARLOUR_COMPOSE"), reason="only by `make compose-test`: it builds images"),
    pytest.mark.timeout(3600),
]


def drawn() -> dict[str, str]:
    """The secrets as the script writes them into .env, and ports that are free here."""
    lines = subprocess.run(
        ["sh", ROOT / "deploy/docker/secrets.sh"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    ports = {"PARLOUR_PORT": str(free_port()), "PARLOUR_MEDIA_PORT": str(free_port())}
    return {**dict(line.split("=", 1) for line in lines), **ports}


@pytest.fixture(scope="module")
def compose() -> Iterator[Compose]:
    """Up, with every service ready."""
    up = Compose(ROOT, "parlour-compose-test", drawn())
    stood_in = up.bases(STAND_INS)
    print("stand-ins:", stood_in or "none")
    up.build()
    try:
        up.start()
        ready(up)
        yield up
    finally:
        up.end()


def ready(compose: Compose) -> None:
    """Waits for every service's own check."""
    deadline = time.monotonic() + READY_WITHIN_S
    waiting = list(SERVICES)
    while waiting := [service for service in waiting if not compose.healthy(service)]:
        assert time.monotonic() < deadline, {service: compose.logs(service) for service in waiting}
        time.sleep(0.5)


@pytest.fixture(scope="module")
def app(compose: Compose) -> str:
    """The first application."""
    printed = compose.tool("apps", "create", "--name", "first", "--json")
    return str(json.loads(printed[printed.index("{") :])["app"])


@asynccontextmanager
async def call(compose: Compose, app: str, room: str, **more: str) -> AsyncGenerator[list[Window]]:
    """ann and bob, each seeing the other."""
    url = f"http://127.0.0.1:{compose.environment['PARLOUR_PORT']}/demo/video"
    tokens = {user: compose.tool("token", "--app", app, "--user", user).split()[-1] for user in ("ann", "bob")}
    queries = [
        {"room": room, "user": user, "token": token, "app": app, "auto": 1, **more} for user, token in tokens.items()
    ]
    async with chromium() as browser:
        sides = [await open_window(browser, f"{url}?{urlencode(query)}") for query in queries]
        try:
            for side in sides:
                await side.until(STREAM_ADDED, timeout_s=SEEN_WITHIN_S)
                await side.until_media(timeout_s=SEEN_WITHIN_S)
        except AssertionError:
            print(*(compose.logs(service) for service in ("turn", "relay", "gateway")), sep="\n\n")
            raise
        yield sides


async def test_a_call_through_the_containers(compose: Compose, app: str) -> None:
    async with call(compose, app, ROOM):
        pass
    record = compose.tool("events", ROOM, "--app", app, "--json")
    assert record.count('"stream.added.v1"') == 2


def test_each_service_is_let_in_as_itself_alone(compose: Compose) -> None:
    """Each container's environment has its own NATS user and Postgres role, and no other secret than it needs."""
    urls = {service: compose.verb("exec", "-T", service, "env") for service in ("room", "gateway")}
    assert "parlour_room:" in urls["room"]
    assert "nats://room:" in urls["room"]
    assert "PARLOUR_POSTGRES" not in urls["gateway"]
    assert "PARLOUR_MASTER_KEY" not in urls["gateway"]


def test_no_container_of_ours_can_do_more_than_its_program_needs(compose: Compose) -> None:
    """No capability, none to be gained, a root folder that nothing can write to, and no tool of developers in the image."""
    for service in SERVICES:
        status = compose.verb("exec", "-T", service, "cat", "/proc/self/status")
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0, service
        assert fields["NoNewPrivs"] == "1", service
        assert fields["Uid"].split() == ["10001"] * 4, service
        probe = "import errno\ntry: open('/app/x', 'w')\nexcept OSError as e: print(errno.errorcode[e.errno])"
        assert compose.verb("exec", "-T", service, "python", "-c", probe).split()[-1] == "EROFS", service
    installed = compose.verb("exec", "-T", "gateway", "ls", "/app/.venv/lib/python3.11/site-packages").split()
    assert "fastapi" in installed
    assert not {"playwright", "pytest", "hypothesis"} & set(installed)


async def test_a_call_through_turn_alone(compose: Compose, app: str) -> None:
    own = own_address()
    if own.startswith(("0.", "127.")):
        pytest.skip("this machine has no address but its loopback's, and coturn carries nothing there")
    compose.environment |= {"PARLOUR_ADVERTISE": own, "PARLOUR_TURN_URLS": f"turn:{own}:3478?transport=tcp"}
    compose.start("turn")
    ready(compose)
    async with call(compose, app, "relayed", relay="1") as sides:
        for side in sides:
            seen = await stats(side)
            assert {local["candidateType"] for local in seen["locals"]} == {"relay"}
            assert {remote["address"] for remote in seen["remotes"]} == {own}


def own_address() -> str:
    """The address that others would reach this machine by; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        with suppress(OSError):
            probe.connect(("198.51.100.1", 9))
        return str(probe.getsockname()[0])


async def test_a_reader_outside_is_let_in_by_nats(compose: Compose, app: str) -> None:
    listen = f"127.0.0.1:{free_port()}"
    issuer = compose.verb("run", "--rm", "--no-deps", "--entrypoint", "/app/.venv/bin/parlour", "auth", "issuer")
    compose.environment |= {"PARLOUR_NATS_ISSUER": issuer.split()[-1], "PARLOUR_NATS_LISTEN": listen}
    compose.files.append("deploy/docker/readers.yml")
    compose.start()
    ready(compose)
    scopes = ("--scope", "events", "--scope", "audit")
    token = compose.tool("token", "--subscribe", "--app", app, "--room", ROOM, *scopes).split()[-1]
    reader = await asyncio.create_subprocess_exec(
        sys.executable, READER, ROOM, "", f"nats://{listen}", env={**os.environ, "PARLOUR_TOKEN": token},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert reader.stdout is not None
        async with asyncio.timeout(60):
            while b'"stream.added.v1"' not in await reader.stdout.readline():
                assert reader.returncode is None
    finally:
        reader.kill()
        await reader.wait()
