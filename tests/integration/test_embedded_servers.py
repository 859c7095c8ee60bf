"""The embedded servers answer, keep strangers out, and end with whoever started them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import nats
import nats.errors
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from parlour.cli.embedded.account import SYSTEM_STATE, Account, readable, state_folder, unprivileged
from parlour.cli.embedded.launch import Launch, free_port
from parlour.cli.embedded.nats import NatsServer
from parlour.cli.embedded.postgres import Postgres
from parlour.contracts import subjects
from parlour.testkit.embedded import spawn, stop
from parlour.testkit.waiting import wait_until


async def test_a_commit_is_on_disk_when_it_is_acknowledged(postgres: str) -> None:
    connection = await asyncpg.connect(postgres)
    try:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert await connection.fetchval(f"SHOW {setting}") == "on"
    finally:
        await connection.close()


async def test_postgres_refuses_a_wrong_password(postgres_cluster: Postgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres_cluster.address(password="not-it", database="postgres"))


async def test_nats_carries_a_request_between_two_users(nats_server: NatsServer) -> None:
    answering = await nats.connect(nats_server.address("room"), inbox_prefix="_INBOX.room")
    asking = await nats.connect(nats_server.address("cli"), inbox_prefix="_INBOX.cli")

    async def answer(message: Msg) -> None:
        await message.respond(b"here")

    subject = subjects.command(7, "room", "lobby", "join")
    await answering.subscribe(subject, cb=answer)
    await barrier(answering)
    try:
        assert (await asking.request(subject, b"")).data == b"here"
    finally:
        await answering.close()
        await asking.close()


async def barrier(client: Client) -> None:
    """Returns when the server has seen all that this client said before; `flush` does not promise that."""
    inbox = client.new_inbox()
    seen = await client.subscribe(inbox)
    await client.publish(inbox, b"")
    await seen.next_msg()
    await seen.unsubscribe()


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("im", subjects.events(7, "lobby", "room")),
        ("room", subjects.events(7, "lobby", "streams")),
        ("relay", subjects.events(7, "lobby", "streams")),
        ("gateway", subjects.events(7, "lobby", "room")),
        ("gateway", subjects.relay_command("node", "negotiate")),
        ("im", subjects.command(7, "room", "lobby", "kick")),
        ("relay", subjects.command(7, "room", "lobby", "kick")),
        ("cli", subjects.events(7, "lobby", "room")),
        ("room", subjects.head(1)),
        ("gateway", "$JS.API.INFO"),
    ],
)
async def test_nats_keeps_each_service_to_its_own_subjects(nats_server: NatsServer, user: str, subject: str) -> None:
    refusals: list[str] = []

    async def failed(error: Exception) -> None:
        refusals.append(str(error).lower())

    client = await nats.connect(nats_server.address(user), error_cb=failed, inbox_prefix=f"_INBOX.{user}")
    try:
        await client.publish(subject, b"")
        await barrier(client)
        assert refusals
        assert "permissions violation" in refusals[0]
    finally:
        await client.close()


async def test_nats_refuses_a_stranger(nats_server: NatsServer) -> None:
    with pytest.raises(nats.errors.Error):
        await nats.connect(f"nats://room:guess@127.0.0.1:{nats_server.port}", allow_reconnect=False)


def test_a_folder_below_a_closed_home_is_out_of_reach(tmp_path: Path) -> None:
    somebody = Account("somebody", 64_001, 64_001)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    assert not readable(home / "checkout" / ".parlour", somebody)
    assert state_folder(home / "checkout" / ".parlour", somebody).parent == SYSTEM_STATE
    assert state_folder(home / "checkout" / ".parlour", None) == home / "checkout" / ".parlour"


def test_a_lock_left_by_a_machine_that_went_down_is_no_obstacle(server_folder: Path) -> None:
    cluster = Postgres(server_folder / "stale", port=free_port(), password="x" * 16, account=unprivileged())
    cluster.prepare()
    lock = cluster.data / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n{cluster.data}\n")
    cluster.prepare()
    assert not lock.exists()


def test_a_cluster_of_another_postgres_is_refused_with_the_way_out(server_folder: Path) -> None:
    cluster = Postgres(server_folder / "old", port=free_port(), password="x" * 16, account=unprivileged())
    cluster.data.mkdir(parents=True)
    (cluster.data / "PG_VERSION").write_text("12\n")
    with pytest.raises(Exception, match="made by Postgres 12"):
        cluster.prepare()


STARTER = """
import os, signal, sys
from parlour.cli.embedded.launch import Launch
from parlour.testkit.embedded import spawn
from pathlib import Path
child = spawn(Launch(argv=("sleep", "60"), environment={"PATH": os.environ["PATH"]}), Path(os.devnull))
print(child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_children_die_with_a_killed_starter() -> None:
    starter = subprocess.run([sys.executable, "-c", STARTER], capture_output=True, text=True, timeout=30)
    child = int(starter.stdout)
    end = os.pidfd_open(child) if Path(f"/proc/{child}").exists() else None
    if end is not None:
        import select

        assert select.select([end], [], [], 5)[0], "the child outlived its starter"
        os.close(end)


@pytest.mark.parametrize(
    ("on_term", "grace_s", "ended_with"),
    [("sleep 0.3; exit 7", 10.0, 7), ("", 0.1, -signal.SIGKILL)],
    ids=["patient", "firm"],
)
def test_stop_waits_for_the_grace_period_and_then_kills(
    tmp_path: Path, on_term: str, grace_s: float, ended_with: int
) -> None:
    script = f"trap '{on_term}' TERM; echo ready; while :; do sleep 0.05; done"
    launch = Launch(argv=("sh", "-c", script), environment={"PATH": os.environ["PATH"]})
    process = spawn(launch, tmp_path / "log")
    wait_until(lambda: "ready" in (tmp_path / "log").read_text(), "the trap is set")
    stop(process, launch, grace_s=grace_s)
    assert process.returncode == ended_with
