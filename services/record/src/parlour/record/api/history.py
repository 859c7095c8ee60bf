"""History on NATS: questions about calls, quality samples, and the operator's commands about the projections."""

from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from parlour.contracts import commands as contract
from parlour.contracts import history as h
from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.contracts.commands import Reply, Request
from parlour.contracts.ids import check_app_id
from parlour.contracts.quality import QualityBatch, QualityQuery, QualitySeries
from parlour.contracts.queries import OpenRooms, RoomsQuery
from parlour.kernel.rejection import Rejection
from parlour.record.app.history.calls import CallQueries
from parlour.record.app.history.generations import GenerationStore
from parlour.record.app.history.quality import QualityQueries
from parlour.record.app.history.samples import SampleIntake
from parlour.record.domain.projections import VERSION as PROJECTIONS
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus, Endpoint, Headers
from parlour.runtime.messaging.verbs import handler_of

SERVICE = "record-history"
VERSION = "1.0.0"
COMMANDS = "record"


class OpenRoomReads(Protocol):
    """Where open rooms are read from."""

    async def page(self, app: int, room: str, query: RoomsQuery) -> OpenRooms:
        """A page of an app's open rooms."""
        ...


async def serve(
    bus: Bus, calls: CallQueries, quality: QualityQueries, generations: GenerationStore, rooms: OpenRoomReads
) -> None:
    """Registers the endpoints."""
    questions = HistoryQuestions(calls, quality, rooms).endpoints()
    await bus.serve(SERVICE, VERSION, questions | HistoryCommands(generations).endpoints())


async def listen(bus: Bus, intake: SampleIntake) -> None:
    """Each batch of samples goes to one of the replicas."""
    decode = msgspec.json.Decoder(QualityBatch).decode

    async def receive(to: Address, payload: bytes, headers: Headers) -> None:
        await intake.take(decode(payload))

    await bus.subscribe(subjects.RELAY_QUALITY, receive, queue=SERVICE)


class HistoryQuestions:
    """Takes a question apart and hands it on."""

    def __init__(self, calls: CallQueries, quality: QualityQueries, rooms: OpenRoomReads) -> None:
        self._calls = calls
        self._quality = quality
        self._rooms = rooms

    def endpoints(self) -> dict[str, Endpoint]:
        """By verb."""
        of_all = subjects.ALL_QUERIES.removesuffix("*")
        return {
            "calls": Endpoint(of_all + "calls", h.CallsQuery, self.calls),
            "call": Endpoint(of_all + "call", h.CallQuery, self.call),
            "timeline": Endpoint(of_all + "timeline", h.TimelineQuery, self.timeline),
            "views": Endpoint(of_all + "views", h.ViewsQuery, self.views),
            "quality": Endpoint(of_all + "quality", QualityQuery, self.quality),
            "rooms": Endpoint(of_all + "rooms", RoomsQuery, self.rooms),
        }

    async def rooms(self, to: Address, query: RoomsQuery, headers: Headers) -> OpenRooms:
        """A page of open rooms."""
        return await self._rooms.page(check_app_id(to.app), to.room, query)

    async def calls(self, to: Address, query: h.CallsQuery, headers: Headers) -> h.Calls:
        """A page of calls."""
        return await self._calls.calls(check_app_id(to.app), to.room, query)

    async def call(self, to: Address, query: h.CallQuery, headers: Headers) -> h.OneCall:
        """One call."""
        return await self._calls.call(check_app_id(to.app), to.room, query)

    async def timeline(self, to: Address, query: h.TimelineQuery, headers: Headers) -> h.Timeline:
        """A page of its intervals."""
        return await self._calls.timeline(check_app_id(to.app), to.room, query)

    async def views(self, to: Address, query: h.ViewsQuery, headers: Headers) -> h.Views:
        """A page of who saw what."""
        return await self._calls.views(check_app_id(to.app), to.room, query)

    async def quality(self, to: Address, query: QualityQuery, headers: Headers) -> QualitySeries:
        """A page of its quality."""
        return await self._quality.series(check_app_id(to.app), to.room, query)


class HistoryCommands:
    """The operator's: how far the projections are, and their rebuild."""

    def __init__(self, generations: GenerationStore) -> None:
        self._generations = generations
        self._handlers: dict[str, tuple[type[contract.Command], Callable[[], Awaitable[None]]]] = {
            "describe_history": (contract.DescribeHistory, self._look),
            "rebuild_history": (contract.RebuildHistory, self._rebuild),
        }

    def endpoints(self) -> dict[str, Endpoint]:
        """By verb."""
        of_all = subjects.commands_of(COMMANDS).removesuffix("*")
        return {verb: Endpoint(of_all + verb, Request, self.handle) for verb in self._handlers}

    async def handle(self, to: Address, request: Request, headers: Headers) -> Reply:
        """One command."""
        handler = handler_of(self._handlers, to, request)
        if request.caller.kind != "operator":
            raise Rejection.of(Code.FORBIDDEN, "only an operator may do this")
        await handler()
        return Reply(result=msgspec.Raw(msgspec.json.encode(h.History(await self._generations.all()))))

    async def _look(self) -> None:
        """Nothing changes."""

    async def _rebuild(self) -> None:
        await self._generations.begin(PROJECTIONS)
