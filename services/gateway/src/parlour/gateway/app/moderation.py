"""What operators and moderators ask over HTTP, and what a ban of an address means for the sessions that are here.

Each command carries who asked (`token/JTI`) onto the record. An idempotency key makes a command's id: the same key from the same token is
done once, and answered as the first time.
"""

from typing import Protocol, TypeVar, cast
from uuid import UUID, uuid4, uuid5

import msgspec

from parlour.contracts import commands as cmd
from parlour.contracts import events as ev
from parlour.contracts import moderation
from parlour.contracts.codes import Code
from parlour.contracts.envelope import EventView
from parlour.contracts.ids import invalid
from parlour.contracts.queries import OpenRooms, RoomsQuery, RoomState, RoomUsers, SnapshotQuery
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.app.sessions.session_table import SessionTable
from parlour.kernel.rejection import Rejection
from parlour.runtime.telemetry.logging import logger

from .ports import History, Services, decode_result

IDEMPOTENCY_KEY_CHARS = 128
_KEYS = UUID("0a7c2f5e-9d10-5e0b-8a31-52d2f6e0c6b8")
"""Namespace of the ids of commands that came with an idempotency key."""
_SERVICE = cmd.Caller(kind="service")

log = logger(__name__)
R = TypeVar("R")


class OpenRoomReads(Protocol):
    """Where open rooms are asked for."""

    async def rooms(self, app: int, room: str, query: RoomsQuery) -> OpenRooms:
        """A page of an app's open rooms; only `room` where one is named."""
        ...


class Moderation:
    """Lists rooms and users, kicks, closes and bans for whoever holds a token with the scope `moderate`."""

    def __init__(self, services: Services, rooms: OpenRoomReads, history: History) -> None:
        self._services = services
        self._rooms = rooms
        self._history = history

    async def rooms(self, who: Subscription, query: RoomsQuery) -> OpenRooms:
        """A page of the open rooms that the token covers."""
        return await self._rooms.rooms(who.app, who.room or "", query)

    async def users(self, who: Subscription, room: str) -> RoomUsers:
        """Who is in a room now; nobody where it is not open."""
        state = await self.state(who, room)
        inside = sorted(state.users, key=lambda user: user.joined_seq) if state.open else ()
        return RoomUsers(room, f"{state.room_uid}.{state.seq}.{state.hash[:16]}", tuple(inside))

    async def state(self, who: Subscription, room: str) -> RoomState:
        """The room as it is now. `Rejection` where the app never had one of the name."""
        state = (await self._history.snapshot(who.app, room, SnapshotQuery())).state
        if state is None:
            raise Rejection.of(Code.NOT_FOUND, "the room was never opened", field="room")
        return state

    async def kick(self, who: Subscription, room: str, user_id: str, reason: str, key: str) -> moderation.Kicked:
        """Puts a user out of a room."""
        return await self._ask(who, room, cmd.KickUser(user_id, reason, asker(who)), key, moderation.Kicked)

    async def close(self, who: Subscription, room: str, reason: str, key: str) -> moderation.Closed:
        """Puts everybody out of a room and closes it."""
        return await self._ask(who, room, cmd.CloseRoom(reason, asker(who)), key, moderation.Closed)

    async def ban(self, who: Subscription, wanted: cmd.PlaceBan, key: str) -> moderation.Ban:
        """Keeps a user, an address or everybody out of a room, or of all the app's."""
        return await self._change_ban(who, wanted, key)

    async def lift(self, who: Subscription, wanted: cmd.LiftBan, key: str) -> moderation.Ban:
        """Ends a ban before its time."""
        return await self._change_ban(who, wanted, key)

    async def bans(self, who: Subscription) -> moderation.Bans:
        """The bans in force that concern the token's rooms."""
        found = await self._ask(who, "", cmd.ListBans(), "", moderation.Bans)
        return found if who.room is None else moderation.Bans(tuple(ban for ban in found.bans if ban.room == who.room))

    async def _change_ban(self, who: Subscription, wanted: cmd.PlaceBan | cmd.LiftBan, key: str) -> moderation.Ban:
        """Done in the name of the token's holder, and in its room where it has one."""
        body = msgspec.structs.replace(wanted, room=_own_room(who, wanted.room), by=asker(who))
        return await self._ask(who, "", body, key, moderation.Ban)

    async def _ask(self, who: Subscription, room: str, body: cmd.Command, key: str, kind: type[R]) -> R:
        request = cmd.Request(_command_id(who, key), _SERVICE, cast(cmd.AnyCommand, body))
        return decode_result(await self._services.ask(who.app, room, request), kind)


class AddressBans:
    """Puts out the sessions of this gateway that come from an address which was just banned."""

    def __init__(self, services: Services, sessions: SessionTable) -> None:
        self._services = services
        self._sessions = sessions

    async def heard(self, view: EventView) -> None:
        """The handler of app events. The event names an address by its random id only, so the bans are asked for."""
        if view.type != ev.BanPlaced.TAG or msgspec.json.decode(view.data, type=ev.BanPlaced).kind != "address":
            return
        try:
            request = cmd.Request(str(uuid4()), _SERVICE, cmd.ListBans())
            found = decode_result(await self._services.ask(view.app, "", request), moderation.Bans)
            for ban in found.bans:
                if ban.kind == "address":
                    await self._put_out(view.app, ban)
        except Rejection as rejection:
            log.warning("banned_address_not_put_out", app=view.app, code=rejection.problem.code)

    async def _put_out(self, app: int, ban: moderation.Ban) -> None:
        for session in self._sessions.at(app, frozenset((ban.address,))):
            for room in [room for room in session.rooms if ban.room in ("", room)]:
                body = cmd.KickUser(session.user.user_id, ban.reason, ban.by)
                await self._services.ask(app, room, cmd.Request(str(uuid4()), _SERVICE, body))


def asker(who: Subscription) -> str:
    """How the record names who asked: the token, which the app's own log knows."""
    return f"token/{who.jti}"[:128]


def _command_id(who: Subscription, key: str) -> str:
    if not key:
        return str(uuid4())
    if len(key) > IDEMPOTENCY_KEY_CHARS or not key.isprintable():
        raise invalid(
            Code.PARAMETER, "Idempotency-Key", "the key is too long or not printable",
            limit=f"1..{IDEMPOTENCY_KEY_CHARS} characters",
        )  # fmt: skip
    return str(uuid5(_KEYS, f"{who.app}/{who.jti}/{key}"))


def _own_room(who: Subscription, room: str) -> str:
    """The room of a ban: a token of one room bans from that room alone."""
    if who.room is not None and room not in ("", who.room):
        raise Rejection.of(Code.FORBIDDEN, "there is no such room for this token", field="roomID")
    return room or who.room or ""
