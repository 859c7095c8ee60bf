"""Frames about a room that the session is in: each becomes one command of the service that owns it, and its result one answer."""

from collections.abc import Callable

from parlour.contracts import client
from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.gateway.app.ports import Services, decode_result
from parlour.gateway.app.requests.login import LoginHandler, rights_of
from parlour.gateway.app.sessions.session import RoomMember, Session
from parlour.kernel.decider import Clock
from parlour.kernel.rejection import Rejection

_COMMANDS: dict[type[client.RoomFrame], tuple[Callable[..., cmd.AnyCommand], tuple[str, ...]]] = {
    client.Logout: (cmd.LeaveRoom, ()),
    client.Publish: (cmd.Publish, ("stream_id", "sdp", "media", "transport_id", "extra_info", "codec")),
    client.StopPublish: (cmd.StopPublish, ("stream_id",)),
    client.Play: (cmd.Play, ("stream_id", "sdp", "media", "transport_id")),
    client.StopPlay: (cmd.StopPlay, ("stream_id",)),
    client.RestartIce: (cmd.RestartIce, ("transport_id", "sdp")),
    client.StreamExtraInfo: (cmd.SetStreamExtraInfo, ("stream_id", "extra_info")),
    client.Mutes: (cmd.SetMutes, ("stream_id", "audio", "video")),
    client.RoomExtraInfo: (cmd.SetRoomExtraInfo, ("key", "value")),
    client.Broadcast: (cmd.SendBroadcast, ("message",)),
    client.Barrage: (cmd.SendBarrage, ("message",)),
    client.CustomCommand: (cmd.SendCommand, ("command", "to_user_ids")),
}
"""The command that a frame asks for, and the frame's fields that follow the session's id in it. `renewToken` is no command."""


class RoomRequestHandler:
    """Handles the frames of clients that are in a room."""

    def __init__(self, services: Services, logins: LoginHandler, clock: Clock) -> None:
        self._services = services
        self._logins = logins
        self._clock = clock

    async def handle(self, session: Session, frame: client.RoomFrame) -> client.Res:
        """Returns the answer to a frame. `Rejection` where the session is not in the room, or where a service refuses the command."""
        member = session.rooms.get(frame.room_id)
        if member is None:
            if isinstance(frame, client.Logout) and frame.room_id in session.left_rooms:
                return client.Res(str(frame.id))  # asked again, since the first answer was lost or said "try again"
            raise Rejection(
                Code.ROOM_NOT_LOGGED_IN, "the session is not in this room", field="roomID", hint="log in first"
            )
        if isinstance(frame, client.RenewToken):
            return await self._renew_token(session, member, frame)
        if isinstance(frame, client.Publish):
            session.rights[member.room].check_may_publish(frame.stream_id, self._clock.at() / 1e6)
        caller = cmd.Caller(session.user.user_id, session.session_id, member.actor)
        if_seq = frame.if_seq if isinstance(frame, client.RoomCommandFrame) else None
        request = cmd.Request(str(frame.id), caller, command_of(session.session_id, frame), if_seq)
        return _answer(session, frame, await self._services.ask(session.app, member.room, request))

    async def _renew_token(self, session: Session, member: RoomMember, frame: client.RenewToken) -> client.Res:
        """Verifies a fresh token, whose rights the session has from now on."""
        checked = await self._logins.verify_token(
            session.app, session.user.user_id, member.room, frame.token, "renew", address=session.address
        )
        session.rights[member.room] = rights_of(checked)
        left = max(0, checked.expires_s - self._clock.at() // 1_000_000)
        return client.Renewed(id=str(frame.id), token_expires_in=left, session_id=self._logins.seal_secret(session))


def command_of(session_id: str, frame: client.RoomFrame) -> cmd.AnyCommand:
    """Returns the command that a frame of a session asks for."""
    kind, fields = _COMMANDS[type(frame)]
    return kind(session_id, *(getattr(frame, name) for name in fields))


def _answer(session: Session, frame: client.RoomFrame, reply: cmd.Reply) -> client.Res:
    """Returns the answer to a frame whose command was done, and notes which streams the session's transports carry now."""
    frame_id = str(frame.id)
    match frame:
        case client.Publish() | client.Play() | client.RestartIce():
            made = decode_result(reply, cmd.Published)
            if not isinstance(frame, client.RestartIce):
                session.add_stream(made.transport_id, frame.room_id, frame.stream_id)
            return client.Negotiated(id=frame_id, transport_id=made.transport_id, sdp=made.sdp)
        case client.StopPublish() | client.StopPlay():
            session.remove_stream(frame.room_id, frame.stream_id)
        case client.Broadcast():
            return client.Sent(id=frame_id, message_id=decode_result(reply, cmd.MessageSent).message_id)
        case client.Barrage():
            return client.Sent(id=frame_id, message_id=str(decode_result(reply, cmd.MessageSent).message_id))
        case client.CustomCommand():
            return client.Delivered(id=frame_id, absent=decode_result(reply, cmd.MessageSent).absent)
        case _:
            pass
    return client.Res(frame_id)
