"""Real servers for the tests that need them, started once a session from their wheels and only when asked for."""

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from parlour.cli.embedded.account import unprivileged
from parlour.cli.embedded.launch import free_port
from parlour.cli.embedded.nats import NatsServer
from parlour.cli.embedded.permissions import grants
from parlour.cli.embedded.postgres import Postgres
from parlour.cli.supervise.checkout import MIGRATIONS
from parlour.runtime.postgres.migrate import upgrade
from parlour.testkit.embedded import spawn, stop
from parlour.testkit.waiting import wait_until

READY_WITHIN_S = 30.0
TEMPLATE = "parlour_template"


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A folder that Postgres's account can reach, which pytest's own are not when run as root."""
    folder = Path(tempfile.mkdtemp(prefix="parlour-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_cluster(server_folder: Path) -> Iterator[Postgres]:
    """A running cluster with a migrated template database."""
    cluster = Postgres(
        server_folder / "postgres", port=free_port(), password=secrets.token_hex(16), account=unprivileged()
    )
    cluster.prepare()
    log = server_folder / "postgres.log"
    process = spawn(cluster.launch(), log)
    try:
        wait_until(lambda: cluster.ready() or process.poll() is not None, "Postgres is ready", timeout_s=READY_WITHIN_S)
        assert process.poll() is None, log.read_text()
        asyncio.run(_execute(cluster, f'CREATE DATABASE "{TEMPLATE}"'))
        upgrade(cluster.address(database=TEMPLATE), MIGRATIONS)
        yield cluster
    finally:
        stop(process, cluster.launch())


@pytest.fixture(scope="module")
def postgres(postgres_cluster: Postgres) -> Iterator[str]:
    """The owner's DSN of a migrated database that this test module has for itself."""
    name = f"test_{secrets.token_hex(6)}"
    asyncio.run(_execute(postgres_cluster, f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}"'))
    yield postgres_cluster.address(database=name)
    asyncio.run(_execute(postgres_cluster, f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture(scope="session")
def nats_server(server_folder: Path) -> Iterator[NatsServer]:
    """A running server; `nats_server.address("room")` is a URL with that service's user in it."""
    users = {user: (secrets.token_hex(16), grant) for user, grant in grants().items()}
    server = NatsServer(server_folder / "nats", port=free_port(), users=users)
    server.prepare()
    log = server_folder / "nats.log"
    process = spawn(server.launch(), log)
    try:
        wait_until(
            lambda: server.ready() or process.poll() is not None, "nats-server is ready", timeout_s=READY_WITHIN_S
        )
        assert process.poll() is None, log.read_text()
        yield server
    finally:
        stop(process, server.launch())


async def _execute(cluster: Postgres, statement: str) -> None:
    connection = await asyncpg.connect(cluster.address(database="postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
