"""Services that start before Postgres and NATS: alive at once, not ready until both are there, and ended by a signal or the time limit."""

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from parlour.cli.embedded.account import unprivileged
from parlour.cli.embedded.launch import free_port
from parlour.cli.embedded.nats import NatsServer
from parlour.cli.embedded.permissions import grants
from parlour.cli.embedded.postgres import DATABASE, Postgres
from parlour.cli.supervise.checkout import MIGRATIONS, SERVICES
from parlour.runtime.postgres.migrate import ROLES, set_passwords, upgrade
from parlour.testkit.embedded import spawn, stop
from parlour.testkit.waiting import wait_until

MASTER_KEY = secrets.token_hex(32)
NOWHERE = "127.0.0.1:1"
WITHIN_S = 60.0


class Process:
    """A service as it runs in a container: its health server has a port that is known before it starts."""

    def __init__(self, service: str, folder: Path, **settings: str) -> None:
        self.port = free_port()
        self._output = folder / f"{service}.log"
        variables = {
            "PARLOUR_NATS_URL": f"nats://{NOWHERE}",
            "PARLOUR_HEALTH_PORT": str(self.port),
            "PARLOUR_RECORD_STATE": str(folder / "state"),
            "PARLOUR_GATEWAY_PORT": "0",
        }
        if service in ROLES:
            variables["PARLOUR_POSTGRES_DSN"] = f"postgresql://nobody:geheim@{NOWHERE}/parlour"
            variables["PARLOUR_MASTER_KEY"] = MASTER_KEY
        own = {name: value for name, value in variables.items() if name not in settings}
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PARLOUR_")}
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"parlour.{service}"], env=clean | own | settings, stdout=output, stderr=output
            )

    def ask(self, path: str) -> tuple[int, str]:
        """The health server's answer; status 0 while it does not listen yet."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def failing(self) -> list[str] | None:
        """What readiness lacks; None while the health server does not listen yet."""
        status, body = self.ask("/readyz")
        return json.loads(body)["failing"] if status else None

    def lines(self) -> list[dict[str, Any]]:
        """The structured lines of its log so far, the oldest first."""
        return [json.loads(line) for line in self._output.read_text().splitlines() if line.startswith("{")]


@contextmanager
def kill_at_end(*processes: Process) -> Generator[None]:
    """Kills what is left of them at the end."""
    try:
        yield
    finally:
        for one in processes:
            if one.process.poll() is None:
                one.process.kill()
            one.process.wait()


@contextmanager
def starting_later(server: Postgres | NatsServer, log: Path) -> Generator[Callable[[], None]]:
    """Prepares a server that does not run yet, and gives what starts it; it is stopped at the end."""
    server.prepare()
    running: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        running.append(spawn(server.launch(), log))
        wait_until(server.ready, f"{type(server).__name__} is ready", timeout_s=WITHIN_S)

    yield start
    for process in running:
        stop(process, server.launch())


@pytest.fixture
def late_postgres(server_folder: Path) -> Iterator[tuple[Postgres, Callable[[], None]]]:
    """A cluster that does not run yet, and what starts it; its log is `late-postgres.log`."""
    folder = server_folder / f"late-{secrets.token_hex(4)}"
    cluster = Postgres(folder, port=free_port(), password=secrets.token_hex(16), account=unprivileged())
    with starting_later(cluster, server_folder / "late-postgres.log") as start:
        yield cluster, start


@pytest.fixture
def late_nats(server_folder: Path) -> Iterator[tuple[NatsServer, Callable[[], None]]]:
    """A server that does not run yet, and what starts it."""
    users = {user: (secrets.token_hex(16), grant) for user, grant in grants().items()}
    server = NatsServer(server_folder / f"late-{secrets.token_hex(4)}", port=free_port(), users=users)
    with starting_later(server, server_folder / "late-nats.log") as start:
        yield server, start


def test_every_service_waits_for_servers_schema_and_roles_that_come_later(
    late_postgres: tuple[Postgres, Callable[[], None]],
    late_nats: tuple[NatsServer, Callable[[], None]],
    server_folder: Path,
    tmp_path: Path,
) -> None:
    (cluster, start_postgres), (bus, start_bus) = late_postgres, late_nats
    passwords = {service: secrets.token_hex(16) for service in ROLES}
    services: dict[str, Process] = {}
    for service in SERVICES:
        settings = {"PARLOUR_NATS_URL": bus.address(service)}
        if service in ROLES:
            settings["PARLOUR_POSTGRES_DSN"] = cluster.address(ROLES[service], passwords[service])
        services[service] = Process(service, tmp_path, **settings)

    def wait_for(failing: Callable[[str], list[str]]) -> None:
        for name, one in services.items():
            wait_until(lambda one=one, name=name: one.failing() == failing(name), name, timeout_s=WITHIN_S)

    with kill_at_end(*services.values()):
        wait_for(lambda name: ["starting", "postgres" if name in ROLES else "bus"])
        assert {one.ask("/healthz")[0] for one in services.values()} == {200}, "nothing that is away makes them restart"
        assert {one.ask("/metrics")[0] for one in services.values()} == {503}
        start_bus()
        wait_for(lambda name: ["starting", "postgres"] if name in ROLES else [])
        start_postgres()
        asyncio.run(_execute(cluster, f'CREATE DATABASE "{DATABASE}"'))
        upgrade(cluster.address(), MIGRATIONS)
        postgres_log = server_folder / "late-postgres.log"
        before = len(postgres_log.read_text())
        wait_until(lambda: ROLES["room"] in postgres_log.read_text()[before:], "a refused login", timeout_s=WITHIN_S)
        assert services["room"].failing() == ["starting", "postgres"], "its role can't log in yet"
        asyncio.run(set_passwords(cluster.address(), passwords))
        wait_for(lambda _: [])
        assert {one.process.poll() for one in services.values()} == {None}
        assert {one.ask("/metrics")[0] for one in services.values()} == {200}


def test_a_service_waits_for_the_schema_of_a_database_that_lets_it_in(
    postgres_cluster: Postgres, nats_server: NatsServer, tmp_path: Path
) -> None:
    """As where one role owns the database, and its migration runs beside the services."""
    database = f"empty_{secrets.token_hex(4)}"
    asyncio.run(_execute(postgres_cluster, f'CREATE DATABASE "{database}"'))
    dsn = postgres_cluster.address(database=database)
    waiting = Process("room", tmp_path, PARLOUR_POSTGRES_DSN=dsn, PARLOUR_NATS_URL=nats_server.address("room"))
    try:
        with kill_at_end(waiting):
            wait_until(lambda: any("schema" in str(line) for line in waiting.lines()), "a log line", timeout_s=WITHIN_S)
            assert waiting.failing() == ["starting", "postgres"]
            upgrade(dsn, MIGRATIONS)
            wait_until(lambda: waiting.failing() == [], "ready", timeout_s=WITHIN_S)
    finally:
        asyncio.run(_execute(postgres_cluster, f'DROP DATABASE "{database}" WITH (FORCE)'))


@pytest.mark.parametrize("service", ["room", "gateway"])
def test_a_signal_ends_the_wait_at_once(service: str, tmp_path: Path) -> None:
    waiting = Process(service, tmp_path)
    with kill_at_end(waiting):
        wait_until(lambda: len(waiting.failing() or []) == 2, "it waits", timeout_s=WITHIN_S)
        waiting.process.send_signal(signal.SIGTERM)
        assert waiting.process.wait(WITHIN_S) == 0, "long before PARLOUR_START_TIMEOUT_S, which is 300"
    assert "geheim" not in str(waiting.lines())


@pytest.mark.parametrize(("service", "lacks"), [("room", "Connect"), ("gateway", "no NATS within 1 s")])
def test_the_wait_ends_with_its_time_limit(service: str, lacks: str, tmp_path: Path) -> None:
    waiting = Process(service, tmp_path, PARLOUR_START_TIMEOUT_S="1")
    with kill_at_end(waiting):
        assert waiting.process.wait(WITHIN_S) == 3
    (failed,) = [line for line in waiting.lines() if line["event"] == "service_failed"]
    assert lacks in str(failed["error"])


async def _execute(cluster: Postgres, statement: str) -> None:
    connection = await asyncpg.connect(cluster.address(database="postgres"))
    try:
        await connection.execute(statement)
    finally:
        with suppress(asyncpg.PostgresError):
            await connection.close()
