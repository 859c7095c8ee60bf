"""`/v1/calls…`: calls of the past over HTTP. The scope is `history`; a token of one room sees that room's calls."""

from typing import Annotated

from fastapi import Query

from parlour.contracts import history as h
from parlour.contracts.quality import SERIES_MOST, QualityQuery, QualitySeries
from parlour.contracts.queries import RoomState
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.app.call_history import CallHistory, parse_microseconds

from .inputs import BEARER, injected, parse_count
from .openapi import StructRouter
from .responses import ANY_ORIGIN, NO_STORE

router = StructRouter(tags=["history"], headers=ANY_ORIGIN | NO_STORE)
Grant = Annotated[Subscription, BEARER.needs_slot("history")]
History = Annotated[CallHistory, injected(CallHistory)]
From = Annotated[str, Query(alias="from")]
MinPosition = Annotated[
    str, Query(description="A position that the answer must not be older than; 503 where it can't be met soon.")
]


@router.get("/v1/calls", summary="Calls that began in a time, newest first")
async def calls(
    grant: Grant, history: History, room: str = "", user: str = "", from_: From = "", to: str = "", cursor: str = "",
    limit: str = "50", min_pos: MinPosition = "",
) -> h.Calls:  # fmt: skip
    since, until = parse_microseconds(from_, "from"), parse_microseconds(to, "to")
    query = h.CallsQuery(user, since, until, cursor, parse_count(limit, h.CALLS_MOST), min_pos)
    return await history.query(grant, "calls", query, h.Calls, room)


@router.get("/v1/calls/{room_uid}", summary="One call and who was in it")
async def call(room_uid: str, grant: Grant, history: History, min_pos: MinPosition = "") -> h.OneCall:
    return await history.query(grant, "call", h.CallQuery(room_uid, min_pos), h.OneCall)


@router.get("/v1/calls/{room_uid}/timeline", summary="A call as intervals: people, streams, plays, messages")
async def timeline(
    room_uid: str, grant: Grant, history: History, cursor: str = "", limit: str = "1000", min_pos: MinPosition = ""
) -> h.Timeline:
    query = h.TimelineQuery(room_uid, cursor, parse_count(limit, h.ROWS_MOST), min_pos)
    return await history.query(grant, "timeline", query, h.Timeline)


@router.get("/v1/calls/{room_uid}/views", summary="Who saw which stream when")
async def views(
    room_uid: str, grant: Grant, history: History, stream: str = "", user: str = "", cursor: str = "", limit: str = "1000",
    min_pos: MinPosition = "",
) -> h.Views:  # fmt: skip
    query = h.ViewsQuery(room_uid, stream, user, cursor, parse_count(limit, h.ROWS_MOST), min_pos)
    return await history.query(grant, "views", query, h.Views)


@router.get(
    "/v1/calls/{room_uid}/quality", summary="Bitrate, loss, jitter and round trip of each medium, ten seconds at a time"
)
async def quality(
    room_uid: str, grant: Grant, history: History, stream: str = "", user: str = "", cursor: str = "", limit: str = "1000"
) -> QualitySeries:  # fmt: skip
    query = QualityQuery(room_uid, stream, user, cursor, parse_count(limit, SERIES_MOST))
    return await history.query(grant, "quality", query, QualitySeries)


@router.get("/v1/calls/{room_uid}/state", summary="The room as of an event's number or a time")
async def state(room_uid: str, grant: Grant, history: History, at: str = "", min_pos: MinPosition = "") -> RoomState:
    return await history.state(grant, room_uid, at, min_pos)


@router.get("/v1/calls/{room_uid}/diff", summary="What is different between two moments")
async def diff(
    room_uid: str, grant: Grant, history: History, from_: From = "", to: str = "", min_pos: MinPosition = ""
) -> h.StateDifference:
    return await history.difference(grant, room_uid, from_, to, min_pos)
