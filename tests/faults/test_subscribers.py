"""A room is talked in while its subscribers are killed and revived at random, gateways and NATS too: nobody misses anything."""

import asyncio
import json
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from parlour.cli.embedded.launch import free_port
from parlour.client import Client
from parlour.testkit.faults.processes import Processes
from parlour.testkit.faults.record import logs
from parlour.testkit.faults.results import ALL, SEED, note
from parlour.testkit.history import Acknowledged, ClientHistory, check, unseen
from parlour.testkit.programs import Program, program
from parlour.testkit.subscribers import from_events
from parlour.testkit.suite import Suite
from parlour.testkit.waiting import eventually

EXAMPLES = Path(__file__).parents[2] / "examples"
ROUNDS = 40 if ALL else 5
VICTIMS = ("gateway", "gateway-2", "nats", "record", "im")
GONE_S = (0.1, 2.0)
BETWEEN_S = 1.0
CAUGHT_UP_WITHIN_S = 40.0
THE_END = "the end"


@dataclass
class Subscriber:
    """A program that follows the room. `revive` starts it again; `positions` gives, in order, what it has dealt with."""

    name: str
    running: Program
    revive: Callable[[], Awaitable[None]]
    positions: Callable[[], list[str]]

    def has(self, position: str) -> bool:
        """Whether it has dealt with that event."""
        return position in self.positions()


@dataclass
class Scene:
    """A room in a suite, and the token of any user."""

    suite: Suite
    room: str

    def member(self, name: str) -> tuple[str, str, str, dict[str, str]]:
        """The arguments and the environment of a program that logs in."""
        user = f"{self.room}-{name}"
        return str(self.suite.app_id), self.room, user, {"PARLOUR_TOKEN": self.suite.dev_token(user)}


@asynccontextmanager
async def raw(scene: Scene) -> AsyncGenerator[Subscriber]:
    """The forty lines over a plain WebSocket, with a token that is nobody's in the room."""
    made = scene.suite.run("token", "--subscribe", "--room", scene.room, "--scope", "events").stdout.strip()
    sockets = [url.replace("http", "ws", 1) + "/ws" for url in scene.suite.urls]
    async with program(EXAMPLES / "raw_subscriber.py", scene.room, "", *sockets, PARLOUR_TOKEN=made) as running:

        def positions() -> list[str]:
            return [
                line.split()[1] if line.startswith("resync") else str(json.loads(line)["pos"]) for line in running.lines
            ]

        async def revive() -> None:
            await running.start(scene.room, positions()[-1] if running.lines else "", *sockets)

        yield Subscriber("websocket", running, revive, positions)


@asynccontextmanager
async def follower(scene: Scene, folder: Path) -> AsyncGenerator[Subscriber]:
    """The Python client, into a file."""
    *who, variables = scene.member("follower")
    file = folder / "followed.jsonl"
    arguments = (str(file), *map(str, who), *scene.suite.urls)
    async with program(EXAMPLES / "follower.py", *arguments, **variables) as running:

        def positions() -> list[str]:
            whole = file.read_text().rpartition("\n")[0] if file.exists() else ""
            return [str(json.loads(line)["position"]) for line in whole.splitlines()]

        yield Subscriber("python client", running, lambda: running.start(*arguments), positions)


@asynccontextmanager
async def sse(scene: Scene) -> AsyncGenerator[Subscriber]:
    """A stream over HTTP, with a token that is nobody's in the room."""
    made = scene.suite.run("token", "--subscribe", "--room", scene.room, "--scope", "events").stdout.strip()
    name, urls = EXAMPLES / "sse_subscriber.py", scene.suite.urls
    async with program(name, scene.room, "", *urls, PARLOUR_TOKEN=made) as running:

        def positions() -> list[str]:
            return [line.split()[0] for line in running.lines]

        async def revive() -> None:
            await running.start(scene.room, positions()[-1] if running.lines else "", *urls)

        yield Subscriber("sse", running, revive, positions)


@asynccontextmanager
async def webhook(scene: Scene, folder: Path) -> AsyncGenerator[Subscriber]:
    """An endpoint; what comes twice after its death has the same id."""
    port, file = str(free_port()), str(folder / "events.db")
    url = f"http://127.0.0.1:{port}/"
    made = json.loads(scene.suite.run("webhooks", "add", url, "--room", scene.room, "--json").stdout)
    secret = {"PARLOUR_WEBHOOK_SECRET": str(made["secret"])}
    async with program(EXAMPLES / "webhook_receiver.py", port, file, **secret) as running:

        def positions() -> list[str]:
            events = [json.loads(line) for line in running.lines]
            return list(dict.fromkeys(f"{e['roomUID']}.{e['seq']}.{e['hash'][:16]}" for e in events))

        try:
            yield Subscriber("webhook", running, lambda: running.start(port, file), positions)
        finally:
            scene.suite.run("webhooks", "remove", str(made["id"]), "--yes")


@asynccontextmanager
async def over_nats(scene: Scene) -> AsyncGenerator[Subscriber]:
    """A stock NATS client, which NATS lets in by a token for the room; it prints what only auditors see too."""
    scopes = ("--scope", "events", "--scope", "audit")
    made = scene.suite.run("token", "--subscribe", "--room", scene.room, *scopes).stdout.strip()
    name, server = (EXAMPLES / "nats_subscriber.py", scene.suite.nats)
    async with program(name, scene.room, "", server, PARLOUR_TOKEN=made) as running:

        def positions() -> list[str]:
            return [line.split()[0] for line in running.lines]

        async def revive() -> None:
            await running.start(scene.room, positions()[-1] if running.lines else "", server)

        yield Subscriber("nats client", running, revive, positions)


async def talk(client: Client, room: str, said: list[Acknowledged], done: asyncio.Event) -> None:
    """Says one thing after the other until it is told to stop."""
    number = 0
    while not done.is_set():
        number += 1
        sent = await client.room(room).barrage(f"number {number}")
        said.append(Acknowledged(sent.command_id))
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await done.wait()


async def havoc(dice: random.Random, subscribers: list[Subscriber], processes: Processes) -> list[str]:
    """One fault after the other: a subscriber dies and comes back a while later, or a part of the suite is killed."""
    struck: list[str] = []
    order = [*subscribers, *VICTIMS]
    for turn in range(ROUNDS):
        victim = order[turn % len(subscribers)] if turn < len(subscribers) else dice.choice(order)
        server = dice.choice(VICTIMS)
        struck.append(victim.name if isinstance(victim, Subscriber) else victim)
        if isinstance(victim, Subscriber):
            await victim.running.kill()
            if dice.random() < 0.5:
                struck.append(server)
                await processes.back(server, processes.kill(server))
            await asyncio.sleep(dice.uniform(*GONE_S))
            await victim.revive()
        else:
            await processes.back(victim, processes.kill(victim))
        await asyncio.sleep(dice.uniform(0, BETWEEN_S))
    return struck


async def caught_up(subscriber: Subscriber, position: str) -> None:
    """Waits until it has dealt with an event."""
    await eventually(lambda: subscriber.has(position), position, timeout_s=CAUGHT_UP_WITHIN_S, poll_s=0.1)


async def test_nobody_misses_anything(
    doubled: Suite, processes: Processes, dice: random.Random, tmp_path: Path
) -> None:
    scene = Scene(doubled, f"watched-{dice.randrange(1 << 30)}")
    bob = f"{scene.room}-bob"
    said: list[Acknowledged] = []
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            Client(doubled.urls, app=doubled.app_id, user=bob, token=doubled.dev_token(bob))
        )
        await client.room(scene.room).login()
        ways = (raw(scene), follower(scene, tmp_path), sse(scene), webhook(scene, tmp_path), over_nats(scene))
        subscribers = [await stack.enter_async_context(way) for way in ways]
        done = asyncio.Event()
        talking = asyncio.create_task(talk(client, scene.room, said, done))
        struck = await havoc(dice, subscribers, processes)
        done.set()
        await talking
        said.append(Acknowledged((await client.room(scene.room).barrage(THE_END)).command_id))
        here = client.room(scene.room).now
        assert here is not None
        record = await logs(doubled.status()["nats"], doubled.app_id, [(scene.room, here.position.room_uid)])
        last = next(event for event in record if event.command_id == said[-1].command_id)
        for subscriber in subscribers:
            await caught_up(subscriber, f"{last.room_uid}.{last.seq}.{last.hash[:16]}")
        record = await logs(doubled.status()["nats"], doubled.app_id, [(scene.room, here.position.room_uid)])
    seen = {subscriber.name: subscriber.positions() for subscriber in subscribers}
    histories = [from_events(name, took[0], took[1:], record) for name, took in seen.items()]
    assert check([ClientHistory(bob, said), *histories], record) == []
    assert unseen(histories, [event for event in record if event.seq <= last.seq]) == []
    counts = {name: len(took) for name, took in seen.items()}
    note("subscribers", {"seed": SEED, "faults": struck, "events": len(record), "taken": counts, "violations": 0})
