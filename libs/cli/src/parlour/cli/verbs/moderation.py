"""`rooms`, `users`, `kick`, `close`, `ban`, `unban`, `bans`: who is there now, and putting them out."""

import asyncio
import re
from typing import Annotated

import typer

from parlour.contracts import commands as cmd
from parlour.contracts import moderation, subjects
from parlour.contracts.queries import ROOMS_MOST, OpenRoom, OpenRooms, RoomsQuery, RoomState
from parlour.kernel.rejection import Rejection

from .commands import run_command
from .confirm import Yes, confirm
from .options import App, Json
from .printing import print_json, print_table
from .target import nats_url
from .times import SECOND, utc

Room = Annotated[str, typer.Argument(help="Room id.")]
Reason = Annotated[str, typer.Option(help="Why; it is recorded, and who is put out is told. At most 256 bytes.")]
OfUser = Annotated[str, typer.Option("--user", help="User id.")]
OfAddress = Annotated[str, typer.Option("--address", help="IP address; of an IPv6 one its /64 network counts.")]
OfRoom = Annotated[str, typer.Option("--room", help="Only this room; alone: everybody is kept out of it.")]
QUERY_TIMEOUT_S = 10.0
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LENGTH = re.compile(r"([0-9]{1,9})([smhd])")


def register(app: typer.Typer) -> None:
    """Adds this module's verbs to the command."""
    for verb in (rooms, users, kick, close, ban, unban, bans):
        app.command()(verb)


def rooms(app: App, json: Json = False) -> None:
    """List the rooms that are open now. Example: parlour rooms --json."""
    found = asyncio.run(_all_rooms(app))
    if json:
        print_json(*found)
        return
    rows = [(one.room, str(one.sessions), utc(one.opened_at * 1000)) for one in found]
    print_table(("room", "sessions", "open since"), rows)


def users(room: Room, app: App, json: Json = False) -> None:
    """List who is in a room now. Example: parlour users lobby."""
    state = asyncio.run(_state(app, room))
    inside = sorted(state.users, key=lambda user: user.joined_seq) if state.open else []
    if json:
        print_json(*inside)
        return
    rows = [(one.user_id, one.user_name, "away" if one.suspended else "here", one.session_id) for one in inside]
    print_table(("user", "name", "connection", "session"), rows)


def kick(
    room: Room,
    user: Annotated[str, typer.Argument(help="User id.")],
    app: App,
    reason: Reason = "",
    ban_for: Annotated[str, typer.Option(help="Also keep them out of this room for so long: 90s, 10m, 2h, 7d.")] = "",
    json: Json = False,
) -> None:
    """Put a user out of a room. Example: parlour kick lobby bob --reason spam --ban-for 10m. Exit code 1 where they are not there."""
    if ban_for:
        run_command(app, cmd.PlaceBan(user, room=room, for_s=_seconds(ban_for), reason=reason), moderation.Ban)
    found = run_command(app, cmd.KickUser(user, reason), moderation.Kicked, room=room)
    if json:
        print_json(found)
    elif found.kicked:
        typer.echo(f"{user} was put out of {room}")
    else:
        typer.echo(f"{user} is not in {room}" + ("; the ban stands" if ban_for else ""))
    if not found.kicked and not ban_for:
        raise typer.Exit(1)


def close(
    room: Room,
    app: App,
    reason: Reason = "closed_by_server",
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Put everybody out of a room and close it. Example: parlour close lobby --reason "over" --yes."""
    confirm(f"Put everybody out of {room}?", yes)
    found = run_command(app, cmd.CloseRoom(reason), moderation.Closed, room=room)
    if json:
        print_json(found)
    else:
        typer.echo(f"{room} is closed" if found.closed else f"{room} was not open")
    if not found.closed:
        raise typer.Exit(1)


def ban(
    app: App,
    user: OfUser = "",
    address: OfAddress = "",
    room: OfRoom = "",
    length: Annotated[str, typer.Option("--for", help="How long: 90s, 10m, 2h, 7d; else until it is lifted.")] = "",
    reason: Reason = "",
    json: Json = False,
) -> None:
    """Keep a user, an address or everybody from logging in, and put out who is inside. Example: parlour ban --user bob --for 1h."""
    body = cmd.PlaceBan(user, address, room, for_s=_seconds(length) if length else 0, reason=reason)
    found = run_command(app, body, moderation.Ban)
    print_json(found) if json else typer.echo(f"banned: {_sentence(found)}")


def unban(app: App, user: OfUser = "", address: OfAddress = "", room: OfRoom = "", json: Json = False) -> None:
    """End a ban before its time; name it as `ban` did. Example: parlour unban --user bob."""
    found = run_command(app, cmd.LiftBan(user, address, room), moderation.Ban)
    print_json(found) if json else typer.echo(f"no longer banned: {_whom(found)}")


def bans(app: App, json: Json = False) -> None:
    """List the bans in force."""
    found = run_command(app, cmd.ListBans(), moderation.Bans)
    if json:
        print_json(*found.bans)
        return
    rows = [
        (
            _whom(one),
            one.room or "every room",
            utc(one.until_s * SECOND) if one.until_s else "lifted",
            one.reason,
            one.by,
        )
        for one in found.bans
    ]
    print_table(("who", "where", "until", "reason", "by"), rows)


async def _all_rooms(app: int) -> list[OpenRoom]:
    from ..operator.connection import connect

    found, after = list[OpenRoom](), ""
    async with connect(nats_url()) as bus:
        while True:
            query = RoomsQuery(after, ROOMS_MOST)
            page = await bus.request(subjects.query(app, "", "rooms"), query, OpenRooms, QUERY_TIMEOUT_S)
            if page.problem is not None:
                raise Rejection(page.problem)
            found += page.rooms
            after = page.next
            if not after:
                return found


async def _state(app: int, room: str) -> RoomState:
    from ..operator.connection import connect
    from ..operator.room_log import RoomLog

    async with connect(nats_url()) as bus:
        return await RoomLog(bus, app, room).state()


def _seconds(length: str) -> int:
    found = _LENGTH.fullmatch(length)
    if not found:
        raise typer.BadParameter("a length is a number with s, m, h or d: 90s, 10m, 2h, 7d")
    return int(found[1]) * UNITS[found[2]]


def _whom(one: moderation.Ban) -> str:
    return one.user_id or one.address or ("everybody" if one.kind == "room" else "(erased)")


def _sentence(one: moderation.Ban) -> str:
    where = f"from {one.room}" if one.room else "from every room of the app"
    return f"{_whom(one)} {where}, {f'until {utc(one.until_s * SECOND)}' if one.until_s else 'until it is lifted'}"
