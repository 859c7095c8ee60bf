"""`rooms`, `users`, `kick`, `close`, `ban`, `unban`, `bans`: who is there now, and putting them out."""

import re
from typing import TYPE_CHECKING, Annotated

import typer

from parlour.contracts import commands as cmd
from parlour.contracts import moderation
from parlour.contracts.queries import ROOMS_MOST, OpenRoom, OpenRooms, RoomsQuery, UserState

from .options import App, Json, Room, Yes, confirm
from .printing import SECOND, print_found, print_rows, utc
from .suite import ask_suite, run_command

if TYPE_CHECKING:
    from parlour.runtime.messaging.bus import Bus

Reason = Annotated[str, typer.Option(help="Why; it is recorded, and who is put out is told. At most 256 bytes.")]
OfUser = Annotated[str, typer.Option("--user", help="User id.")]
OfAddress = Annotated[str, typer.Option("--address", help="IP address; of an IPv6 one its /64 network counts.")]
OfRoom = Annotated[str, typer.Option("--room", help="Only this room; alone: everybody is kept out of it.")]
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LENGTH = re.compile(r"([0-9]{1,9})([smhd])")

verbs = typer.Typer()


@verbs.command()
def rooms(app: App, json: Json = False) -> None:
    """List the rooms that are open now. Example: parlour rooms --json."""
    found = ask_suite(lambda bus: _all_rooms(bus, app))
    heads = ("room", "sessions", "open since")
    print_rows(found, json, heads, lambda one: (one.room, one.sessions, utc(one.opened_at * 1000)))


@verbs.command()
def users(room: Room, app: App, json: Json = False) -> None:
    """List who is in a room now. Example: parlour users lobby."""
    from ..operator.room_log import RoomLog

    def row(one: UserState) -> tuple[object, ...]:
        return one.user_id, one.user_name, "away" if one.suspended else "here", one.session_id

    state = ask_suite(lambda bus: RoomLog(bus, app, room).state())
    inside = sorted(state.users, key=lambda user: user.joined_seq) if state.open else []
    print_rows(inside, json, ("user", "name", "connection", "session"), row)


@verbs.command()
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
        run_command(
            app, cmd.PlaceBan(user, room=room, for_s=_seconds(ban_for, "--ban-for"), reason=reason), moderation.Ban
        )
    found = run_command(app, cmd.KickUser(user, reason), moderation.Kicked, room=room)
    absent = f"{user} is not in {room}" + ("; the ban stands" if ban_for else "")
    text, failed = (f"{user} was put out of {room}", False) if found.kicked else (absent, not ban_for)
    print_found(found, json, text, failed=failed)


@verbs.command()
def close(room: Room, app: App, reason: Reason = "closed_by_server", yes: Yes = False, json: Json = False) -> None:
    """Put everybody out of a room and close it. Example: parlour close lobby --reason "over" --yes."""
    confirm(f"Put everybody out of {room}?", yes)
    found = run_command(app, cmd.CloseRoom(reason), moderation.Closed, room=room)
    text = f"{room} is closed" if found.closed else f"{room} was not open"
    print_found(found, json, text, failed=not found.closed)


@verbs.command()
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
    body = cmd.PlaceBan(user, address, room, for_s=_seconds(length, "--for") if length else 0, reason=reason)
    found = run_command(app, body, moderation.Ban)
    print_found(found, json, f"banned: {_sentence(found)}")


@verbs.command()
def unban(app: App, user: OfUser = "", address: OfAddress = "", room: OfRoom = "", json: Json = False) -> None:
    """End a ban before its time; name it as `ban` did. Example: parlour unban --user bob."""
    found = run_command(app, cmd.LiftBan(user, address, room), moderation.Ban)
    print_found(found, json, f"no longer banned: {_whom(found)}")


@verbs.command()
def bans(app: App, json: Json = False) -> None:
    """List the bans in force."""
    found = run_command(app, cmd.ListBans(), moderation.Bans)

    def row(one: moderation.Ban) -> tuple[object, ...]:
        until = utc(one.until_s * SECOND) if one.until_s else "lifted"
        return _whom(one), one.room or "every room", until, one.reason, one.by

    print_rows(found.bans, json, ("who", "where", "until", "reason", "by"), row)


async def _all_rooms(bus: "Bus", app: int) -> list[OpenRoom]:
    from ..operator.connection import send_query

    found, after = list[OpenRoom](), ""
    while True:
        page = await send_query(bus, "rooms", RoomsQuery(after, ROOMS_MOST), OpenRooms, app=app)
        found += page.rooms
        after = page.next
        if not after:
            return found


def _seconds(length: str, option: str) -> int:
    found = _LENGTH.fullmatch(length)
    if not found:
        raise typer.BadParameter("a length is a number with s, m, h or d: 90s, 10m, 2h, 7d", param_hint=option)
    return int(found[1]) * UNITS[found[2]]


def _whom(one: moderation.Ban) -> str:
    return one.user_id or one.address or ("everybody" if one.kind == "room" else "(erased)")


def _sentence(one: moderation.Ban) -> str:
    where = f"from {one.room}" if one.room else "from every room of the app"
    return f"{_whom(one)} {where}, {f'until {utc(one.until_s * SECOND)}' if one.until_s else 'until it is lifted'}"
