"""The services of a run: each as its own wiring assembles it, on simulated connections."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, cast
from uuid import UUID

import msgspec
from nats.aio.client import Client

import parlour.gateway.wiring as gateway_wiring
import parlour.im.wiring as im_wiring
import parlour.record.wiring as record_wiring
import parlour.registry.wiring as registry_wiring
import parlour.room.wiring as room_wiring
from parlour.contracts import commands as cmd
from parlour.contracts import subjects
from parlour.gateway.settings import GatewaySettings
from parlour.im.settings import ImSettings
from parlour.record.settings import RecordSettings
from parlour.registry.app.stream_units import LIVE_STREAM, parse_holder
from parlour.registry.settings import RegistrySettings
from parlour.room.app.room_units import CLIENT_SESSION, HEARTBEAT, SERVICE
from parlour.room.domain.presence import SessionKey
from parlour.room.settings import RoomSettings
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.messaging.endpoint import Endpoint, Headers
from parlour.runtime.process.connections import Connections
from parlour.runtime.telemetry.metrics import LATENCY_S, Metrics
from parlour.testkit.log import MemoryLog

from .network import SimulatedNats
from .processes import Main, Process
from .relay import RelayNode
from .sockets import Door
from .store import NoArchive, NoTables, ProcessLog
from .world import World

WINDOW_S = 5.0
GRACE_S = 2.0
_STORE: dict[str, Any] = {"postgres_dsn": "", "master_key": b"0" * 32}
_FOREVER_S = 1e9


class SharedMetrics(Metrics):
    """Counts of all runs together: making a registry costs more than a run's events."""

    def __init__(self, service: str) -> None:
        self._made: dict[str, Any] = {}
        super().__init__(service)

    def counter(self, name: str, sentence: str, labels: tuple[str, ...] = ()) -> Any:
        """The one of that name."""
        if name not in self._made:
            self._made[name] = super().counter(name, sentence, labels)
        return self._made[name]

    def gauge(self, name: str, sentence: str, labels: tuple[str, ...] = ()) -> Any:
        """The one of that name."""
        if name not in self._made:
            self._made[name] = super().gauge(name, sentence, labels)
        return self._made[name]

    def histogram(self, name: str, sentence: str, labels: tuple[str, ...] = (), buckets: Any = LATENCY_S) -> Any:
        """The one of that name."""
        if name not in self._made:
            self._made[name] = super().histogram(name, sentence, labels, buckets)
        return self._made[name]


_metrics = cache(SharedMetrics)


class WatchedBus(Bus):
    """Errors that a service calls its own end the run as a violation."""

    def __init__(self, client: Client, name: str, world: World) -> None:
        super().__init__(client, name, _metrics(name))
        self._world = world

    def report_fault(self, where: str, error: BaseException, **fields: Any) -> None:
        """Names a broken invariant in the result of the run."""
        self._world.fault(f"{self.name} at {where}: {error!r}")


class MemorySessionIndex:
    """The sessions in all rooms, from the claims."""

    def __init__(self, log: MemoryLog, process: Process) -> None:
        self._log = log
        self._process = process

    async def all(self) -> dict[SessionKey, bool]:
        """See `parlour.room.api.presence_feed.LoadSessions`."""
        self._process.must_live()
        waiting = self._log.all_deadlines(SERVICE)
        suspended = {key.rpartition("/")[2] for key in waiting if key.startswith(f"{HEARTBEAT}/")}
        return {
            SessionKey(row.app, row.slot, row.holder): row.holder in suspended
            for row in self._log.all_claims(CLIENT_SESSION)
        }


class LiveRooms:
    """The rooms with streams, from the claims."""

    def __init__(self, log: MemoryLog, process: Process) -> None:
        self._log = log
        self._process = process

    async def all(self) -> list[tuple[int, str]]:
        """See `parlour.registry.app.ports.LoadLiveRooms`."""
        self._process.must_live()
        lives = {UUID(parse_holder(row.holder).room_uid) for row in self._log.all_claims(LIVE_STREAM)}
        heads = [await self._log.head(uid) for uid in sorted(lives)]
        return sorted({(head.log.app, head.log.room) for head in heads if head is not None and head.open})


async def connected_bus(world: World, process: Process, name: str) -> Bus:
    """A process's connection."""
    bus = WatchedBus(cast(Client, SimulatedNats(world.switch, process)), name, world)
    await bus._open_inbox()  # pyright: ignore[reportPrivateUsage] what Bus.connect does after connecting
    return bus


@asynccontextmanager
async def open_connections(world: World, process: Process, name: str) -> AsyncGenerator[Connections]:
    """As `parlour.runtime.process.connections.open_connections` opens them."""
    bus = await connected_bus(world, process, name)
    log = ProcessLog(world.log, process, world.faults)
    async with Committer(log, world.people, bus) as committer:
        yield Connections(bus.metrics, bus, None, log, world.people, committer, {})


async def operator(world: World) -> Bus:
    """A connection of somebody who may do everything and never dies."""
    process = Process("operator", 1, world.faults, world.note)
    process.passing = lambda place: None
    return await connected_bus(world, process, "operator")


async def _live() -> None:
    await asyncio.sleep(_FOREVER_S)


def plan(world: World) -> dict[str, Main]:
    """The replicas by name."""

    async def room(process: Process) -> None:
        settings = RoomSettings(
            instance=f"{process.name}{process.number}", heartbeat_window_s=WINDOW_S, presence_grace_s=GRACE_S,
            # A simulated hour takes a second of the clock that rates are counted by.
            openings_per_user_per_min=60_000, openings_per_app_per_s=10_000, **_STORE
        )  # fmt: skip
        sessions, lease = MemorySessionIndex(world.log, process), world.leases.of(process)
        async with (
            open_connections(world, process, "room") as connections,
            room_wiring.assembled(settings, connections, sessions.all, lease),
        ):
            await _live()

    async def registry(process: Process) -> None:
        settings = RegistrySettings(instance=process.name, republish_grace_s=2.0, **_STORE)
        rooms, lease = LiveRooms(world.log, process), world.leases.of(process)
        async with (
            open_connections(world, process, "registry") as connections,
            registry_wiring.assembled(settings, connections, rooms.all, lease),
        ):
            await _live()

    async def im(process: Process) -> None:
        async with (
            open_connections(world, process, "im") as connections,
            im_wiring.assembled(ImSettings(**_STORE), connections),
        ):
            await _live()

    async def record(process: Process) -> None:
        settings, lease = RecordSettings(poll_ms=500, **_STORE), world.leases.of(process)
        async with (
            open_connections(world, process, "record") as connections,
            record_wiring.assembled(settings, connections, NoTables(), NoArchive(), lease),
        ):
            await _live()

    async def gateway(process: Process) -> None:
        settings = GatewaySettings(instance=f"{process.name}{process.number}", session_key=b"k" * 32)
        bus = await connected_bus(world, process, "gateway")
        held = gateway_wiring.Gateway(settings, bus, bus.metrics)
        await held.listen()
        door = Door(held, process, world.faults)
        world.doors[process.name] = door
        await held.heartbeats.run()

    async def auth(process: Process) -> None:
        bus = await connected_bus(world, process, "auth")
        subject = subjects.commands_of("auth").removesuffix("*") + "verify_token"
        await bus.serve("auth", "1.0.0", {"verify_token": Endpoint(subject, cmd.Request, _verify)})
        await _live()

    async def relay(process: Process) -> None:
        bus = await connected_bus(world, process, "relay")
        node = world.relays[process.name] = RelayNode(process.name, f"boot{process.number}", bus, world.faults.chance)
        await node.run()

    return {
        "auth": auth, "record": record, "relay": relay, "room-a": room, "room-b": room, "registry-a": registry,
        "registry-b": registry, "im-a": im, "im-b": im, "gateway-a": gateway, "gateway-b": gateway,
    }  # fmt: skip


async def _verify(to: Address, request: cmd.Request, headers: Headers) -> cmd.Reply:
    """Whoever names a user is that user: tokens are not what is played here."""
    body = request.body
    assert isinstance(body, cmd.VerifyToken)
    return cmd.Reply(msgspec.Raw(msgspec.json.encode(cmd.TokenChecked(body.user_id, 4_000_000_000))))
