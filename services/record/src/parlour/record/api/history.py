"""History over NATS: questions about calls, quality samples, and the operators' commands about the projections."""

import msgspec

from parlour.contracts import commands as contract
from parlour.contracts import history as h
from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.contracts.commands import Reply, Request
from parlour.contracts.quality import QualityBatch, QualityQuery
from parlour.contracts.queries import RoomsQuery
from parlour.kernel.rejection import Rejection
from parlour.record.app.history.calls import CallQueries
from parlour.record.app.history.generations import GenerationStore
from parlour.record.app.history.quality import QualityQueries, SampleIntake
from parlour.record.domain.projections import VERSION as PROJECTIONS
from parlour.runtime.deciding.context import CommandContext
from parlour.runtime.deciding.endpoints import command_endpoints
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.messaging.endpoint import Endpoint, Headers

from .bus import Answer, query_endpoint

SERVICE = "record-history"
VERSION = "1.0.0"


async def serve(
    bus: Bus, calls: CallQueries, quality: QualityQueries, generations: GenerationStore, find_open_rooms: Answer
) -> None:
    """Registers the endpoints of questions and commands about history; `find_open_rooms` answers with the rooms that are open now."""
    questions = {
        "calls": query_endpoint("calls", h.CallsQuery, calls.calls),
        "call": query_endpoint("call", h.CallQuery, calls.call),
        "timeline": query_endpoint("timeline", h.TimelineQuery, calls.timeline),
        "views": query_endpoint("views", h.ViewsQuery, calls.views),
        "quality": query_endpoint("quality", QualityQuery, quality.series),
        "rooms": query_endpoint("rooms", RoomsQuery, find_open_rooms),
    }
    await bus.serve(SERVICE, VERSION, questions | _command_endpoints(generations))


async def listen(bus: Bus, intake: SampleIntake) -> None:
    """Passes each batch of samples to one of the replicas."""
    decode = msgspec.json.Decoder(QualityBatch).decode

    async def receive(address: Address, payload: bytes, headers: Headers) -> None:
        await intake.take(decode(payload))

    await bus.subscribe(subjects.RELAY_QUALITY, receive, queue=SERVICE)


def _command_endpoints(generations: GenerationStore) -> dict[str, Endpoint]:
    """Returns the endpoints of operators' commands; each answers with the projections' generations."""

    async def describe(context: CommandContext, body: contract.DescribeHistory) -> Reply:
        return Reply.with_result(h.History(await generations.all()))

    async def rebuild(context: CommandContext, body: contract.RebuildHistory) -> Reply:
        await generations.begin(PROJECTIONS)
        return Reply.with_result(h.History(await generations.all()))

    return command_endpoints({contract.DescribeHistory: describe, contract.RebuildHistory: rebuild}, check_is_operator)


def check_is_operator(to: Address, request: Request) -> None:
    """Checks that an operator asks."""
    if request.caller.kind != "operator":
        raise Rejection(Code.FORBIDDEN, "only an operator may do this")
