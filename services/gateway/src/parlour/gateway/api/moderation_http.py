"""`/v1/rooms`, `…/users`, `…/kick`, `…/close` and `/v1/bans`: who is there, and putting them out. The scope is `moderate`.

Commands take an `Idempotency-Key`: the same one from the same token is done once, for a day.
"""

from typing import Annotated

import msgspec
from fastapi import Depends, Header

from parlour.contracts import commands as cmd
from parlour.contracts import moderation
from parlour.contracts.queries import ROOMS_MOST, OpenRooms, RoomsQuery, RoomUsers
from parlour.contracts.spelling import wire_name
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.app.moderation import Moderation, caller_name

from .inputs import BEARER, decode_room, injected, parse_count
from .openapi import StructRouter

router = StructRouter(tags=["moderation"])
Grant = Annotated[Subscription, BEARER.needs("moderate")]
Moderator = Annotated[Moderation, injected(Moderation)]
IdempotencyKey = Annotated[str, Header(alias="Idempotency-Key")]


class Kick(msgspec.Struct, rename=wire_name):
    """Whom to put out, and why; `ban_s` also keeps them out of the room for so many seconds."""

    user_id: str
    reason: str = ""
    ban_s: int = 0


class Close(msgspec.Struct):
    """Why the room is closed; everybody inside is told."""

    reason: str = "closed_by_server"


DEFAULT_CLOSE = Close()


class BanWish(msgspec.Struct, rename=wire_name):
    """Whom to keep out: a user or an address, of one room or (without `roomID`) of all; with `roomID` alone, everybody.

    `until_s` is unix seconds, `for_s` seconds from now; without either the ban lasts until it is lifted."""

    user_id: str = ""
    address: str = ""
    room_id: str = ""
    until_s: int = 0
    for_s: int = 0
    reason: str = ""


async def _known_room(room: str, grant: Grant, moderator: Moderator) -> str:
    """Returns the room in the path. `Rejection` where it was never opened, whatever the request's body says."""
    name = decode_room(room)
    await moderator.state(grant, name)
    return name


KnownRoom = Annotated[str, Depends(_known_room)]


@router.get("/v1/rooms", summary="Rooms that are open now, by name")
async def rooms(grant: Grant, moderator: Moderator, after: str = "", limit: str = "100") -> OpenRooms:
    return await moderator.rooms(grant, RoomsQuery(after, parse_count(limit, ROOMS_MOST)))


@router.get("/v1/rooms/{room}/users", summary="Who is in a room now")
async def users(room: str, grant: Grant, moderator: Moderator) -> RoomUsers:
    return await moderator.users(grant, decode_room(room))


@router.post("/v1/rooms/{room}/kick", summary="Put a user out of a room")
async def kick(
    room: KnownRoom, grant: Grant, moderator: Moderator, wanted: Kick, key: IdempotencyKey = ""
) -> moderation.Kicked:
    if wanted.ban_s:
        ban = cmd.PlaceBan(wanted.user_id, room=room, for_s=wanted.ban_s, reason=wanted.reason)
        await moderator.change_ban(grant, ban, f"{key}/ban" if key else "")
    body = cmd.KickUser(wanted.user_id, wanted.reason, caller_name(grant))
    return await moderator.ask(grant, room, body, key, moderation.Kicked)


@router.post("/v1/rooms/{room}/close", summary="Put everybody out and close a room")
async def close(
    room: KnownRoom, grant: Grant, moderator: Moderator, wanted: Close = DEFAULT_CLOSE, key: IdempotencyKey = ""
) -> moderation.Closed:
    return await moderator.ask(grant, room, cmd.CloseRoom(wanted.reason, caller_name(grant)), key, moderation.Closed)


@router.get("/v1/bans", summary="The bans in force")
async def bans(grant: Grant, moderator: Moderator) -> moderation.Bans:
    return await moderator.bans(grant)


@router.post("/v1/bans", summary="Keep a user, an address or everybody out", status_code=201)
async def ban(grant: Grant, moderator: Moderator, wanted: BanWish, key: IdempotencyKey = "") -> moderation.Ban:
    place = cmd.PlaceBan(wanted.user_id, wanted.address, wanted.room_id, wanted.until_s, wanted.for_s, wanted.reason)
    return await moderator.change_ban(grant, place, key)


@router.post("/v1/bans/lift", summary="End a ban")
async def lift(grant: Grant, moderator: Moderator, wanted: BanWish, key: IdempotencyKey = "") -> moderation.Ban:
    return await moderator.change_ban(grant, cmd.LiftBan(wanted.user_id, wanted.address, wanted.room_id), key)
