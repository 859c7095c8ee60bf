"""`GET /v1/rooms/{room}/events`: range reads, long polls and, for `Accept: text/event-stream`, a stream; `…/state` beside it."""

import asyncio
import re
from contextlib import AsyncExitStack
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from parlour.contracts.cloudevents import CloudEvent
from parlour.contracts.codes import Code
from parlour.contracts.ids import parse_position
from parlour.contracts.queries import RoomState, SnapshotQuery
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.app.access.request_limits import RequestLimiter
from parlour.gateway.app.call_history import parse_moment
from parlour.gateway.app.delivery.cursor import Page
from parlour.gateway.app.delivery.readers import Reader, Readers, ReadRequest
from parlour.gateway.domain.encoded_event import EncodedEvent
from parlour.gateway.domain.formats import FORMATS, EventPage, format_of
from parlour.gateway.domain.frame_batch import Item
from parlour.gateway.domain.read_scope import check_types
from parlour.kernel.rejection import Rejection

from .inputs import BEARER, bearer_token, decode_room, injected
from .openapi import OCTETS, TEXT, answers, listed, parameter
from .responses import json_response
from .sse import EventStream

WAIT_MAX_S = 60.0
LIMIT_MAX = 5_000
PAGE_BYTES = 4 << 20
"""Maximum of the events in one answer; a page that reaches it ends early and says that there is more."""
CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-headers": "authorization, last-event-id",
    "access-control-expose-headers": "link, parlour-position",
    "access-control-max-age": "86400",
}
STREAM = "text/event-stream"
ZERO_WEIGHT = re.compile(r"q\s*=\s*0(?:\.0{0,3})?")
LAST_EVENT_ID = parameter(
    "Last-Event-ID", "header", "Of a stream that is opened again: the id of the last event. It goes before `after`."
)
POSITION_DASHES = 4
"""Dashes in a position, those of its UUID; no time has so many."""
_SHAPES = {"cloudevents": listed(CloudEvent), "parquet": OCTETS}
_OF_EVENTS: dict[str, Any] = {
    "content": {
        f.media_type.partition(";")[0]: {"schema": _SHAPES.get(n, TEXT)} for n, f in FORMATS.items() if n != "json"
    }
    | {STREAM: {"schema": TEXT}}
}


router = APIRouter(tags=["events"])
Grant = Annotated[Subscription, BEARER.needs("events")]
InjectedReaders = Annotated[Readers, injected(Readers)]
Limiter = Annotated[RequestLimiter, injected(RequestLimiter)]


@router.get(
    "/v1/rooms/{room}/events",
    responses=answers(EventPage, also=_OF_EVENTS),
    openapi_extra={"parameters": [LAST_EVENT_ID]},
)
async def events(
    request: Request, room: str, grant: Grant, readers: InjectedReaders, limiter: Limiter,
    after: Annotated[str, Query(description="A position; empty: the latest call's beginning; latest: its end.")] = "",
    wait: Annotated[float, Query(ge=0, le=WAIT_MAX_S, description="Seconds to wait for an event.")] = 0,
    types: Annotated[str, Query(description="Event types or their families, with commas between.")] = "",
    form: Annotated[str, Query(alias="format", description=", ".join(FORMATS))] = "json",
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX, description="Events of the record in one page.")] = 500,
) -> Response:  # fmt: skip
    """A room's events after a position: what is there, what comes within `wait` seconds, or all that comes (SSE)."""
    limiter.check_rate(grant)
    streams = wants_stream(request.headers.get("accept", ""))
    after = (request.headers.get("last-event-id", "") if streams else "") or after
    async with AsyncExitStack() as stack:
        follows = streams or bool(wait)
        stack.enter_context(limiter.reader_slot(grant) if follows else limiter.query_slot(grant))
        shape = format_of(form)
        tags = check_types(tuple(part.strip() for part in types.split(",") if part.strip()))
        reader = await stack.enter_async_context(
            readers.open(grant, read_request(request, room), after, tags, follows=follows)
        )
        if streams:
            return EventStream(reader, await reader.read_page(), stack.pop_all(), CORS)
        page = await collect_page(reader, limit, wait)
    if page.diverged:
        raise Rejection(
            Code.RESYNC_NEEDED, "this position is not in the room's history", field="after",
            hint=f"read the state, then go on after {page.position}",
        )  # fmt: skip
    body = shape.body(page.items, str(page.position), page.more)
    return Response(body, media_type=shape.media_type, headers=CORS | next_page_headers(request, page))


@router.get("/v1/rooms/{room}/state", responses=answers(RoomState))
async def state(
    request: Request, room: str, grant: Grant, readers: InjectedReaders, limiter: Limiter,
    at: Annotated[
        str,
        Query(description="A position, an event's number or a time (RFC 3339; UTC where it names no zone); empty: now."),
    ] = "",
    min_pos: Annotated[str, Query(description="A position that the state must not be older than.")] = "",
) -> Response:  # fmt: skip
    """Who and what is in a room, as of now or as of then."""
    limiter.check_rate(grant)
    with limiter.query_slot(grant):
        found = await readers.read_state(grant, read_request(request, room), snapshot_query(at, min_pos))
    position = f"{found.room_uid}.{found.seq}.{found.hash[:16]}"
    return json_response(found, headers=CORS | {"parlour-position": position})


@router.options("/v1/rooms/{room}/{what}", include_in_schema=False)
async def preflight(room: str, what: str) -> Response:
    return Response(status_code=204, headers=CORS)


def read_request(request: Request, room: str) -> ReadRequest:
    """Returns who reads the room in the path, by the token that is verified again before each page."""
    return ReadRequest(bearer_token(request), request.query_params.get("app", ""), decode_room(room))


def wants_stream(accept: str) -> bool:
    """Tells whether an `Accept` header names the stream's media type with a weight above 0."""
    for part in accept.lower().split(","):
        kind, *parameters = [piece.strip() for piece in part.split(";")]
        if kind == STREAM:
            return not any(ZERO_WEIGHT.fullmatch(parameter) for parameter in parameters)
    return False


async def collect_page(reader: Reader, limit: int, wait_s: float) -> Page:
    """Returns the events that follow the position, or if there are none, the first that come within `wait_s` seconds, with skips."""
    loop = asyncio.get_running_loop()
    until = loop.time() + wait_s
    items: list[Item] = []
    while True:
        page = await reader.read_page(limit - len(items))
        items += page.items
        events = [item for item in items if isinstance(item, EncodedEvent)]
        left = until - loop.time()
        if page.diverged or len(items) >= limit or sum(len(event.json) for event in events) >= PAGE_BYTES:
            return Page(items, page.position, page.more, page.diverged)
        if not page.more:
            if events or left <= 0 or reader.closing:
                return Page(items, page.position, page.more)
            await reader.wait(left)


def next_page_headers(request: Request, page: Page) -> dict[str, str]:
    """Returns the position behind a page, and the link to what follows, as headers."""
    query = {name: value for name, value in request.query_params.items() if name != "after"} | {
        "after": str(page.position)
    }
    return {"link": f'<{request.url.path}?{urlencode(query)}>; rel="next"', "parlour-position": str(page.position),
            "cache-control": "no-store"}  # fmt: skip


def snapshot_query(at: str, min_pos: str) -> SnapshotQuery:
    """Returns the record's query for a state; `at` is a position, or what `parse_moment` understands."""
    least = parse_position(min_pos) if min_pos else None
    uid, seq, hash8 = (least.room_uid, least.seq, least.hash8) if least else ("", 0, "")
    if not at:
        return SnapshotQuery(room_uid=uid, min_seq=seq, min_hash8=hash8)
    if at.count("-") == POSITION_DASHES:
        position = parse_position(at)
        if uid and uid != position.room_uid:
            raise Rejection(Code.PARAMETER, "at and min_pos are of two calls of the room", field="min_pos")
        return SnapshotQuery(
            room_uid=position.room_uid, seq=position.seq, min_seq=seq, hash8=position.hash8, min_hash8=hash8
        )
    number, time = parse_moment(at, "at")
    return SnapshotQuery(room_uid=uid, seq=number, at=time, min_seq=seq, min_hash8=hash8)
