"""`/v1/rooms`, `…/users`, `…/kick`, `…/close` and `/v1/bans`: who is there, and putting them out. The scope is `moderate`.

Commands take an `Idempotency-Key`: the same one from the same token is done once, for a day.
"""

from typing import Any

import msgspec
from fastapi import APIRouter, Header, Request, Response

from parlour.contracts import commands as cmd
from parlour.contracts import moderation
from parlour.contracts.queries import ROOMS_MOST, OpenRooms, RoomsQuery, RoomUsers
from parlour.contracts.spelling import wire_name
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.app.moderation import Moderation

from .bearer import BEARER
from .inputs import decode_body, decode_room, injected, parse_count
from .openapi import answers, body_of
from .responses import json_response

router = APIRouter(tags=["moderation"])
GRANT = BEARER.needs("moderate")
MODERATION = injected(Moderation)
IDEMPOTENCY_KEY: Any = Header("", alias="Idempotency-Key")


class Kick(msgspec.Struct, rename=wire_name):
    """Whom to put out, and why; `ban_s` also keeps them out of the room for so many seconds."""

    user_id: str
    reason: str = ""
    ban_s: int = 0


class Close(msgspec.Struct):
    """Why the room is closed; everybody inside is told."""

    reason: str = "closed_by_server"


class BanWish(msgspec.Struct, rename=wire_name):
    """Whom to keep out: a user or an address, of one room or (without `roomID`) of all; with `roomID` alone, everybody.

    `until_s` is unix seconds, `for_s` seconds from now; without either the ban lasts until it is lifted."""

    user_id: str = ""
    address: str = ""
    room_id: str = ""
    until_s: int = 0
    for_s: int = 0
    reason: str = ""


@router.get("/v1/rooms", summary="Rooms that are open now, by name", responses=answers(OpenRooms))
async def rooms(
    after: str = "", limit: str = "100", grant: Subscription = GRANT, moderator: Moderation = MODERATION
) -> Response:
    return json_response(await moderator.rooms(grant, RoomsQuery(after, parse_count(limit, ROOMS_MOST))))


@router.get("/v1/rooms/{room}/users", summary="Who is in a room now", responses=answers(RoomUsers))
async def users(room: str, grant: Subscription = GRANT, moderator: Moderation = MODERATION) -> Response:
    return json_response(await moderator.users(grant, decode_room(room)))


@router.post(
    "/v1/rooms/{room}/kick", summary="Put a user out of a room", responses=answers(moderation.Kicked),
    openapi_extra=body_of(Kick),
)  # fmt: skip
async def kick(
    room: str, request: Request, key: str = IDEMPOTENCY_KEY, grant: Subscription = GRANT,
    moderator: Moderation = MODERATION,
) -> Response:  # fmt: skip
    name = decode_room(room)
    await moderator.state(grant, name)
    wanted = decode_body(await request.body(), Kick)
    if wanted.ban_s:
        ban = cmd.PlaceBan(wanted.user_id, room=name, for_s=wanted.ban_s, reason=wanted.reason)
        await moderator.change_ban(grant, ban, f"{key}/ban" if key else "")
    return json_response(await moderator.kick(grant, name, wanted.user_id, wanted.reason, key))


@router.post(
    "/v1/rooms/{room}/close", summary="Put everybody out and close a room", responses=answers(moderation.Closed),
    openapi_extra=body_of(Close),
)  # fmt: skip
async def close(
    room: str, request: Request, key: str = IDEMPOTENCY_KEY, grant: Subscription = GRANT,
    moderator: Moderation = MODERATION,
) -> Response:  # fmt: skip
    name = decode_room(room)
    await moderator.state(grant, name)
    wanted = decode_body(await request.body() or b"{}", Close)
    return json_response(await moderator.close(grant, name, wanted.reason, key))


@router.get("/v1/bans", summary="The bans in force", responses=answers(moderation.Bans))
async def bans(grant: Subscription = GRANT, moderator: Moderation = MODERATION) -> Response:
    return json_response(await moderator.bans(grant))


@router.post(
    "/v1/bans", summary="Keep a user, an address or everybody out", status_code=201,
    responses=answers(moderation.Ban, status=201), openapi_extra=body_of(BanWish),
)  # fmt: skip
async def ban(
    request: Request, key: str = IDEMPOTENCY_KEY, grant: Subscription = GRANT, moderator: Moderation = MODERATION
) -> Response:
    wanted = decode_body(await request.body(), BanWish)
    place = cmd.PlaceBan(wanted.user_id, wanted.address, wanted.room_id, wanted.until_s, wanted.for_s, wanted.reason)
    return json_response(await moderator.change_ban(grant, place, key), 201)


@router.post("/v1/bans/lift", summary="End a ban", responses=answers(moderation.Ban), openapi_extra=body_of(BanWish))
async def lift(
    request: Request, key: str = IDEMPOTENCY_KEY, grant: Subscription = GRANT, moderator: Moderation = MODERATION
) -> Response:
    wanted = decode_body(await request.body(), BanWish)
    ban = cmd.LiftBan(wanted.user_id, wanted.address, wanted.room_id)
    return json_response(await moderator.change_ban(grant, ban, key))
