"""Requests of operators and moderators over HTTP, and what a ban of an address does to the sessions of this gateway.

Each command carries who asked (`token/JTI`) onto the record. An idempotency key makes a command's id: the same key from the same token is
done once, and answered as the first time.
"""

from typing import TypeVar, cast
from uuid import UUID, uuid5

import msgspec

from parlour.contracts import commands as cmd
from parlour.contracts import events as ev
from parlour.contracts import moderation
from parlour.contracts.codes import Code
from parlour.contracts.envelope import EventView
from parlour.contracts.ids import invalid
from parlour.contracts.queries import OpenRooms, RoomsQuery, RoomState, RoomUsers, SnapshotQuery
from parlour.contracts.subscriptions import Subscription
from parlour.kernel.rejection import Rejection
from parlour.runtime.telemetry.logging import logger

from .access.token_verifier import room_not_found
from .ports import GatewayCommands, History, RecordQueries
from .sessions.session import SessionTable

IDEMPOTENCY_KEY_CHARS = 128
_KEYS = UUID("0a7c2f5e-9d10-5e0b-8a31-52d2f6e0c6b8")
"""Namespace of the ids of commands that came with an idempotency key."""

log = logger(__name__)
R = TypeVar("R")


class Moderation:
    """Lists rooms and users, kicks, closes and bans for whoever holds a token with the scope `moderate`."""

    def __init__(self, commands: GatewayCommands, record: RecordQueries, history: History) -> None:
        self._commands = commands
        self._record = record
        self._history = history

    async def rooms(self, grant: Subscription, query: RoomsQuery) -> OpenRooms:
        """Returns a page of the open rooms that the token covers."""
        return await self._record.query(grant.app, grant.room or "", "rooms", query, OpenRooms)

    async def users(self, grant: Subscription, room: str) -> RoomUsers:
        """Returns who is in a room now; nobody where it is not open."""
        state = await self.state(grant, room)
        inside = sorted(state.users, key=lambda user: user.joined_seq) if state.open else ()
        return RoomUsers(room, f"{state.room_uid}.{state.seq}.{state.hash[:16]}", tuple(inside))

    async def state(self, grant: Subscription, room: str) -> RoomState:
        """Returns the room as it is now. `Rejection` where the app never had one of the name."""
        state = (await self._history.snapshot(grant.app, room, SnapshotQuery())).state
        if state is None:
            raise Rejection(Code.NOT_FOUND, "the room was never opened", field="room")
        return state

    async def bans(self, grant: Subscription) -> moderation.Bans:
        """Returns the bans in force that concern the token's rooms."""
        bans = (await self._commands.ask(grant.app, cmd.ListBans(), moderation.Bans)).bans
        return moderation.Bans(tuple(ban for ban in bans if grant.room in (None, ban.room)))

    async def change_ban(self, grant: Subscription, wanted: cmd.PlaceBan | cmd.LiftBan, key: str) -> moderation.Ban:
        """Places or lifts a ban in the name of the token's holder: of a user, an address or everybody, from one room or from all. A token
        of one room bans from that room alone.
        """
        if grant.room is not None and wanted.room not in ("", grant.room):
            raise room_not_found("roomID")
        body = msgspec.structs.replace(wanted, room=wanted.room or grant.room or "", by=caller_name(grant))
        return await self.ask(grant, "", body, key, moderation.Ban)

    async def ask(self, grant: Subscription, room: str, body: cmd.Command, key: str, kind: type[R]) -> R:
        """Sends a command about a room, once for each idempotency key, and returns its result."""
        command_id = _command_id(grant, key)
        return await self._commands.ask(grant.app, cast(cmd.AnyCommand, body), kind, room=room, command_id=command_id)


class AddressBans:
    """Kicks the sessions of this gateway whose clients connect from an address that was just banned."""

    def __init__(self, commands: GatewayCommands, sessions: SessionTable) -> None:
        self._commands = commands
        self._sessions = sessions

    async def on_app_event(self, view: EventView) -> None:
        """Takes an event of an app's own log. It names an address by its random id only, so the bans are asked for."""
        if view.type != ev.BanPlaced.TAG or msgspec.json.decode(view.data, type=ev.BanPlaced).kind != "address":
            return
        try:
            found = await self._commands.ask(view.app, cmd.ListBans(), moderation.Bans)
            for ban in found.bans:
                if ban.kind == "address":
                    await self._kick_banned(view.app, ban)
        except Rejection as rejection:
            log.warning("banned_address_not_put_out", app=view.app, code=rejection.problem.code)

    async def _kick_banned(self, app: int, ban: moderation.Ban) -> None:
        for session in self._sessions.from_address(app, ban.address):
            for room in [room for room in session.rooms if ban.room in ("", room)]:
                body = cmd.KickUser(session.user.user_id, ban.reason, ban.by)
                await self._commands.ask(app, body, msgspec.Raw, room=room)


def caller_name(grant: Subscription) -> str:
    """Returns the name under which the record has who asked: the token, which the app's own log knows."""
    return f"token/{grant.jti}"[:128]


def _command_id(grant: Subscription, key: str) -> str:
    """Returns the id of a command with an idempotency key; empty without a key, which asks for a new id."""
    if not key:
        return ""
    if len(key) > IDEMPOTENCY_KEY_CHARS or not key.isprintable():
        raise invalid(
            Code.PARAMETER, "Idempotency-Key", "the key is too long or not printable",
            limit=f"1..{IDEMPOTENCY_KEY_CHARS} characters",
        )  # fmt: skip
    return str(uuid5(_KEYS, f"{grant.app}/{grant.jti}/{key}"))
