"""Requests, endpoints and subscriptions on a real NATS server, through its restart, and when nobody answers."""

import asyncio
import json
import os
import secrets
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from subprocess import Popen

import msgspec
import pytest

from parlour.cli.embedded.launch import free_port
from parlour.cli.embedded.nats import NatsServer
from parlour.cli.embedded.permissions import grants
from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.contracts.commands import Caller, LeaveRoom, Reply, Request
from parlour.contracts.ids import check_room_id
from parlour.contracts.queries import Head, HeadQuery
from parlour.kernel.log import LogUnavailable
from parlour.kernel.rejection import Rejection
from parlour.runtime.messaging import bus as bus_module
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus, Unavailable
from parlour.runtime.messaging.endpoint import Endpoint, Headers
from parlour.runtime.settings import BusSettings
from parlour.runtime.telemetry import tracing
from parlour.testkit.embedded import spawn, stop
from parlour.testkit.waiting import eventually

APP = 7
WITHIN_S = 10.0


@pytest.fixture
async def bus(nats_server: NatsServer) -> AsyncIterator[Bus]:
    """The service's connection."""
    async with await Bus.connect(BusSettings(nats_url=nats_server.address("test")), "room") as connected:
        yield connected


@pytest.fixture
async def asker(nats_server: NatsServer) -> AsyncIterator[Bus]:
    """Another process's connection."""
    async with await Bus.connect(BusSettings(nats_url=nats_server.address("test")), "gateway") as connected:
        yield connected


def leave(session: str = "s1") -> Request:
    return Request(secrets.token_hex(16), Caller("ada", "s1"), LeaveRoom(session))


Handler = Callable[[Address, Request, Headers], Awaitable[Reply]]


async def serve(bus: Bus, answer: Reply | Exception | Handler, service: str = "") -> str:
    """One endpoint of a service with a name of its own; `answer` is what the handler returns or raises."""
    name = service or f"svc-{secrets.token_hex(4)}"

    async def handler(to: Address, request: Request, headers: Headers) -> Reply:
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Reply) else await answer(to, request, headers)

    await bus.serve(name, "1.2.3", {"leave": Endpoint(subjects.commands_of(name), Request, handler)})
    return name


async def test_a_handler_gets_the_address_and_the_command_and_the_asker_gets_its_reply(bus: Bus, asker: Bus) -> None:
    seen: list[tuple[Address, Request, str]] = []

    async def handler(to: Address, request: Request, headers: Headers) -> Reply:
        trace = tracing.current()
        seen.append((to, request, trace.trace_id if trace else ""))
        return Reply(msgspec.Raw(b'{"x":1}'), position="here")

    name = await serve(bus, handler)
    tracing.start("test", sampled=True)
    request = leave()
    reply = await asker.ask(APP, name, "a room.with > dots", "leave", request)
    assert (bytes(reply.result), reply.position) == (b'{"x":1}', "here")
    ((to, got, trace_id),) = seen
    assert (to.app, to.service, to.room, to.verb) == (APP, name, "a room.with > dots", "leave")
    assert to.p == subjects.partition(APP, to.room)
    assert got == request
    assert trace_id == tracing.trace_id()


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (Rejection(Code.ROOM_FULL, "full"), Code.ROOM_FULL),
        (ValueError("of ours"), Code.PARAMETER),
        (LogUnavailable("away"), Code.UNAVAILABLE),
        (ZeroDivisionError("a fault"), Code.UNAVAILABLE),
    ],
)
async def test_what_a_handler_raises_is_told_by_its_code(bus: Bus, asker: Bus, raised: Exception, code: Code) -> None:
    name = await serve(bus, raised)
    with pytest.raises(Rejection) as told:
        await asker.ask(APP, name, "room", "leave", leave())
    assert told.value.problem.code == code
    assert "of ours" not in told.value.problem.message
    assert "a fault" not in told.value.problem.message


async def test_a_broken_limit_is_told_with_its_field(bus: Bus, asker: Bus) -> None:
    async def handler(to: Address, _request: Request, _headers: Headers) -> Reply:
        check_room_id(to.room)
        return Reply()

    name = await serve(bus, handler)
    with pytest.raises(Rejection) as told:
        await asker.ask(APP, name, "r" * 129, "leave", leave())
    assert (told.value.problem.code, told.value.problem.field) == (Code.ROOM_ID_LONG, "roomID")


async def test_bytes_that_are_no_request_are_refused(bus: Bus, asker: Bus) -> None:
    name = await serve(bus, Reply())
    subject = subjects.command(APP, name, "room", "leave")
    for junk in (b"", b"{", b'{"commandID":1}', b"\xff" * 1000):
        answer = await asker.client.request(subject, junk, timeout=WITHIN_S)
        problem = msgspec.json.decode(answer.data, type=Reply).problem
        assert problem is not None
        assert problem.code == Code.FRAME_INVALID


async def test_a_query_that_is_refused_raises_though_its_reply_type_has_no_problem(bus: Bus, asker: Bus) -> None:
    async def handler(_to: Address, query: HeadQuery, _headers: Headers) -> Head:
        if query.room_uid:
            raise Rejection(Code.NOT_FOUND, "no such call")
        return Head("uid", 3, "hash", True)

    name = f"qry-{secrets.token_hex(4)}"
    await bus.serve(name, "1.0.0", {"head": Endpoint(subjects.query(APP, name, "head"), HeadQuery, handler)})
    assert await asker.request(subjects.query(APP, name, "head"), HeadQuery(), Head) == Head("uid", 3, "hash", True)
    with pytest.raises(Rejection) as told:
        await asker.request(subjects.query(APP, name, "head"), HeadQuery("x"), _Strict)
    assert told.value.problem.code == Code.NOT_FOUND


class _Strict(msgspec.Struct):
    """A reply type that a problem can't be read as."""

    needed: int


async def test_nobody_there_is_unavailable_within_the_time(asker: Bus) -> None:
    began = time.monotonic()
    with pytest.raises(Unavailable) as told:
        await asker.ask(APP, "nobody", "room", "leave", leave(), timeout=0.5)
    assert told.value.problem.code == Code.UNAVAILABLE
    assert time.monotonic() - began < 2


async def test_a_service_that_starts_late_is_still_asked(bus: Bus, asker: Bus) -> None:
    name = f"svc-{secrets.token_hex(4)}"
    asking = asyncio.create_task(asker.ask(APP, name, "room", "leave", leave()))
    await asker.flush_confirmed()

    async def handler(_to: Address, _request: Request, _headers: Headers) -> Reply:
        return Reply(position="late")

    await bus.serve(name, "1.0.0", {"leave": Endpoint(subjects.commands_of(name), Request, handler)})
    assert (await asking).position == "late"


async def test_a_silent_service_is_asked_again_with_the_same_command_id(
    bus: Bus, asker: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "ATTEMPT_TIMEOUT_S", 0.2)
    ids: list[str] = []
    forever = asyncio.Event()

    async def handler(_to: Address, request: Request, _headers: Headers) -> Reply:
        ids.append(request.command_id)
        if len(ids) == 1:
            await forever.wait()
        return Reply(position="second")

    name = await serve(bus, handler)
    reply = await asker.ask(APP, name, "room", "leave", leave())
    forever.set()
    assert reply.position == "second"
    assert len(ids) == 2
    assert ids[0] == ids[1]


async def test_stock_tools_see_the_endpoints_and_their_counts(bus: Bus, asker: Bus) -> None:
    name = await serve(bus, ZeroDivisionError("a fault"))
    for _ in range(3):
        with pytest.raises(Rejection):
            await asker.ask(APP, name, "room", "leave", leave())
    ping = json.loads((await asker.client.request(f"$SRV.PING.{name}", timeout=WITHIN_S)).data)
    assert (ping["name"], ping["version"]) == (name, "1.2.3")
    stats = json.loads((await asker.client.request(f"$SRV.STATS.{name}", timeout=WITHIN_S)).data)
    (endpoint,) = stats["endpoints"]
    assert (endpoint["name"], endpoint["num_requests"], endpoint["num_errors"]) == ("leave", 3, 3)
    assert endpoint["processing_time"] > 0


async def test_a_subscription_keeps_order_and_survives_its_handlers_errors(bus: Bus, asker: Bus) -> None:
    subject = f"{subjects.PREFIX}.presence.{secrets.token_hex(4)}"
    got: list[bytes] = []
    done = asyncio.Event()

    async def hear(_to: Address, payload: bytes, _headers: Headers) -> None:
        got.append(payload)
        if payload == b"3":
            raise ZeroDivisionError
        if payload == b"99":
            done.set()

    await bus.subscribe(subject, hear)
    for number in range(100):
        await asker.publish(subject, str(number).encode())
    async with asyncio.timeout(WITHIN_S):
        await done.wait()
    assert got == [str(number).encode() for number in range(100)]


async def test_a_subscription_that_can_not_keep_up_is_told_that_it_lost_messages(bus: Bus, asker: Bus) -> None:
    subject = f"{subjects.PREFIX}.presence.{secrets.token_hex(4)}"
    free, lost = asyncio.Event(), asyncio.Event()

    async def hear(_to: Address, _payload: bytes, _headers: Headers) -> None:
        await free.wait()

    await bus.subscribe(subject, hear, on_overflow=lost.set)
    for _ in range(bus_module.PENDING_MESSAGES + 100):
        await asker.publish(subject, b"x")
    async with asyncio.timeout(WITHIN_S):
        await lost.wait()
    free.set()


async def test_a_subject_that_the_user_may_not_hear_fails_the_start(nats_server: NatsServer) -> None:
    async with await Bus.connect(BusSettings(nats_url=nats_server.address("im")), "im") as bus:
        with pytest.raises(PermissionError, match=r"cmd\.room"):
            await serve(bus, Reply(), service="room")

        async def hear(_to: Address, _payload: bytes, _headers: Headers) -> None:
            raise AssertionError("nothing may arrive")

        with pytest.raises(PermissionError):
            await bus.subscribe(subjects.ALL_PRESENCE, hear)


async def test_draining_finishes_what_has_arrived(nats_server: NatsServer, asker: Bus) -> None:
    begun, free = asyncio.Event(), asyncio.Event()

    async def handler(_to: Address, _request: Request, _headers: Headers) -> Reply:
        begun.set()
        await free.wait()
        return Reply(position="finished")

    bus = await Bus.connect(BusSettings(nats_url=nats_server.address("test")), "room")
    name = await serve(bus, handler)
    asking = asyncio.create_task(asker.ask(APP, name, "room", "leave", leave()))
    await begun.wait()
    closing = asyncio.create_task(bus.close())
    await asker.flush_confirmed()
    free.set()
    assert (await asking).position == "finished"
    await closing


class Restartable:
    """A NATS server of this test's own."""

    def __init__(self, folder: Path) -> None:
        users = {user: (secrets.token_hex(16), grant) for user, grant in grants().items()}
        self.server = NatsServer(folder / "nats", port=free_port(), users=users)
        self.server.prepare()
        self._log = folder / "nats.log"
        self._process: Popen[bytes] | None = None

    async def start(self) -> None:
        self._process = spawn(self.server.launch(), self._log)
        await eventually(self.server.ready, "nats-server is ready", timeout_s=WITHIN_S)

    def kill(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            stop(self._process, self.server.launch())


@pytest.fixture
def own_nats(server_folder: Path) -> Iterator[Restartable]:
    folder = server_folder / secrets.token_hex(4)
    folder.mkdir()
    server = Restartable(folder)
    yield server
    server.stop()


async def test_after_a_restart_of_nats_everything_goes_on(own_nats: Restartable) -> None:
    await own_nats.start()
    url = own_nats.server.address
    async with (
        await Bus.connect(BusSettings(nats_url=url("test")), "room") as bus,
        await Bus.connect(BusSettings(nats_url=url("test")), "gateway") as asker,
    ):
        again = asyncio.Event()
        asker.on_reconnect(again.set)
        name = await serve(bus, Reply(position="here"))
        assert (await asker.ask(APP, name, "room", "leave", leave())).position == "here"
        own_nats.kill()
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await asker.ask(APP, name, "room", "leave", leave(), timeout=0.5)
        assert time.monotonic() - began < 2
        waiting = asyncio.create_task(asker.ask(APP, name, "room", "leave", leave()))
        await own_nats.start()
        assert (await waiting).position == "here"
        async with asyncio.timeout(WITHIN_S):
            await again.wait()
