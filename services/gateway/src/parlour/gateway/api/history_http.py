"""`/v1/calls…`: calls of the past over HTTP. The scope is `history`; a token of one room sees that room's calls."""

from typing import Any

import msgspec
from fastapi import APIRouter, Query, Response

from parlour.contracts import history as h
from parlour.contracts.codes import Code
from parlour.contracts.ids import invalid
from parlour.contracts.quality import SERIES_MOST, QualityQuery, QualitySeries
from parlour.contracts.queries import RoomState
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.app.call_history import CallHistory, microseconds

from .bearer import Bearer
from .openapi import answers

SCOPE = "history"
NOT_OLDER: Any = Query(
    "", description="A position that the answer must not be older than; 503 where it can't be met soon."
)
HEADERS = {"cache-control": "no-store", "access-control-allow-origin": "*"}


def routes(history: CallHistory, bearer: Bearer) -> APIRouter:
    """The endpoints."""
    router = APIRouter(tags=["history"])
    needed = bearer.asks(SCOPE)

    @router.get("/v1/calls", summary="Calls that began in a time, newest first", responses=answers(h.Calls))
    async def calls(
        room: str = "",
        user: str = "",
        from_: str = Query("", alias="from"),
        to: str = "",
        cursor: str = "",
        limit: str = "50",
        min_pos: str = NOT_OLDER,
        reader: Subscription = needed,
    ) -> Response:
        since, until = microseconds(from_, "from"), microseconds(to, "to")
        query = h.CallsQuery(user, since, until, cursor, _count(limit, h.CALLS_MOST), min_pos)
        return _json(await history.calls(reader, room, query))

    @router.get("/v1/calls/{room_uid}", summary="One call and who was in it", responses=answers(h.OneCall))
    async def call(room_uid: str, min_pos: str = NOT_OLDER, reader: Subscription = needed) -> Response:
        return _json(await history.call(reader, room_uid, min_pos))

    @router.get(
        "/v1/calls/{room_uid}/timeline",
        summary="A call as intervals: people, streams, plays, messages",
        responses=answers(h.Timeline),
    )
    async def timeline(
        room_uid: str,
        cursor: str = "",
        limit: str = "1000",
        min_pos: str = NOT_OLDER,
        reader: Subscription = needed,
    ) -> Response:
        query = h.TimelineQuery(room_uid, cursor, _count(limit, h.ROWS_MOST), min_pos)
        return _json(await history.timeline(reader, query))

    @router.get("/v1/calls/{room_uid}/views", summary="Who saw which stream when", responses=answers(h.Views))
    async def views(
        room_uid: str,
        stream: str = "",
        user: str = "",
        cursor: str = "",
        limit: str = "1000",
        min_pos: str = NOT_OLDER,
        reader: Subscription = needed,
    ) -> Response:
        query = h.ViewsQuery(room_uid, stream, user, cursor, _count(limit, h.ROWS_MOST), min_pos)
        return _json(await history.views(reader, query))

    @router.get(
        "/v1/calls/{room_uid}/quality",
        summary="Bitrate, loss, jitter and round trip of each medium, ten seconds at a time",
        responses=answers(QualitySeries),
    )
    async def quality(
        room_uid: str,
        stream: str = "",
        user: str = "",
        cursor: str = "",
        limit: str = "1000",
        reader: Subscription = needed,
    ) -> Response:
        query = QualityQuery(room_uid, stream, user, cursor, _count(limit, SERIES_MOST))
        return _json(await history.quality(reader, query))

    @router.get(
        "/v1/calls/{room_uid}/state", summary="The room as of an event's number or a time", responses=answers(RoomState)
    )
    async def state(room_uid: str, at: str = "", min_pos: str = NOT_OLDER, reader: Subscription = needed) -> Response:
        return _json(await history.state(reader, room_uid, at, min_pos))

    @router.get(
        "/v1/calls/{room_uid}/diff",
        summary="What is different between two moments",
        responses=answers(h.StateDifference),
    )
    async def diff(
        room_uid: str,
        from_: str = Query("", alias="from"),
        to: str = "",
        min_pos: str = NOT_OLDER,
        reader: Subscription = needed,
    ) -> Response:
        return _json(await history.difference(reader, room_uid, from_, to, min_pos))

    return router


def _count(text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 7) or not 1 <= int(text) <= most:
        raise invalid(Code.PARAMETER, "limit", f"limit is {text[:20]!r}", limit=f"1..{most}")
    return int(text)


def _json(answer: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json", headers=HEADERS)
