"""`/v1/calls…`: calls of the past over HTTP. The scope is `history`; a token of one room sees that room's calls."""

from typing import Any

import msgspec
from fastapi import APIRouter, Query, Response

from parlour.contracts import history as h
from parlour.contracts.quality import SERIES_MOST, QualityQuery, QualitySeries
from parlour.contracts.queries import RoomState
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.app.call_history import CallHistory, parse_microseconds

from .bearer import BEARER
from .inputs import injected, parse_count
from .openapi import answers
from .responses import ANY_ORIGIN, NO_STORE, json_response

router = APIRouter(tags=["history"])
GRANT = BEARER.needs_slot("history")
HISTORY = injected(CallHistory)
FROM: Any = Query("", alias="from")
NOT_OLDER: Any = Query(
    "", description="A position that the answer must not be older than; 503 where it can't be met soon."
)


@router.get("/v1/calls", summary="Calls that began in a time, newest first", responses=answers(h.Calls))
async def calls(
    room: str = "", user: str = "", from_: str = FROM, to: str = "", cursor: str = "", limit: str = "50",
    min_pos: str = NOT_OLDER, grant: Subscription = GRANT, history: CallHistory = HISTORY,
) -> Response:  # fmt: skip
    since, until = parse_microseconds(from_, "from"), parse_microseconds(to, "to")
    query = h.CallsQuery(user, since, until, cursor, parse_count(limit, h.CALLS_MOST), min_pos)
    return _json(await history.query(grant, "calls", query, h.Calls, room))


@router.get("/v1/calls/{room_uid}", summary="One call and who was in it", responses=answers(h.OneCall))
async def call(
    room_uid: str, min_pos: str = NOT_OLDER, grant: Subscription = GRANT, history: CallHistory = HISTORY
) -> Response:
    return _json(await history.query(grant, "call", h.CallQuery(room_uid, min_pos), h.OneCall))


@router.get(
    "/v1/calls/{room_uid}/timeline",
    summary="A call as intervals: people, streams, plays, messages",
    responses=answers(h.Timeline),
)
async def timeline(
    room_uid: str, cursor: str = "", limit: str = "1000", min_pos: str = NOT_OLDER, grant: Subscription = GRANT,
    history: CallHistory = HISTORY,
) -> Response:  # fmt: skip
    query = h.TimelineQuery(room_uid, cursor, parse_count(limit, h.ROWS_MOST), min_pos)
    return _json(await history.query(grant, "timeline", query, h.Timeline))


@router.get("/v1/calls/{room_uid}/views", summary="Who saw which stream when", responses=answers(h.Views))
async def views(
    room_uid: str, stream: str = "", user: str = "", cursor: str = "", limit: str = "1000", min_pos: str = NOT_OLDER,
    grant: Subscription = GRANT, history: CallHistory = HISTORY,
) -> Response:  # fmt: skip
    query = h.ViewsQuery(room_uid, stream, user, cursor, parse_count(limit, h.ROWS_MOST), min_pos)
    return _json(await history.query(grant, "views", query, h.Views))


@router.get(
    "/v1/calls/{room_uid}/quality",
    summary="Bitrate, loss, jitter and round trip of each medium, ten seconds at a time",
    responses=answers(QualitySeries),
)
async def quality(
    room_uid: str, stream: str = "", user: str = "", cursor: str = "", limit: str = "1000",
    grant: Subscription = GRANT, history: CallHistory = HISTORY,
) -> Response:  # fmt: skip
    query = QualityQuery(room_uid, stream, user, cursor, parse_count(limit, SERIES_MOST))
    return _json(await history.query(grant, "quality", query, QualitySeries))


@router.get(
    "/v1/calls/{room_uid}/state", summary="The room as of an event's number or a time", responses=answers(RoomState)
)
async def state(
    room_uid: str, at: str = "", min_pos: str = NOT_OLDER, grant: Subscription = GRANT, history: CallHistory = HISTORY
) -> Response:
    return _json(await history.state(grant, room_uid, at, min_pos))


@router.get(
    "/v1/calls/{room_uid}/diff", summary="What is different between two moments", responses=answers(h.StateDifference)
)
async def diff(
    room_uid: str, from_: str = FROM, to: str = "", min_pos: str = NOT_OLDER, grant: Subscription = GRANT,
    history: CallHistory = HISTORY,
) -> Response:  # fmt: skip
    return _json(await history.difference(grant, room_uid, from_, to, min_pos))


def _json(answer: msgspec.Struct) -> Response:
    return json_response(answer, headers=ANY_ORIGIN | NO_STORE)
