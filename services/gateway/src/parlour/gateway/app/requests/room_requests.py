"""Frames about a room that the session is in: each becomes one command of the service that owns it, and its result one answer."""

from collections.abc import Awaitable, Callable
from typing import Any

from parlour.contracts import client
from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.gateway.app.ports import Services, decode_result
from parlour.gateway.app.requests.login import LoginHandler, rights_of
from parlour.gateway.app.sessions.session import RoomMember, Session
from parlour.kernel.decider import Clock
from parlour.kernel.rejection import Rejection


class RequestHandlers:
    """Handles the frames of clients that are in a room. Each method answers one type of frame; `Rejection` where the service refuses it."""

    def __init__(self, services: Services, logins: LoginHandler, clock: Clock) -> None:
        self._clock = clock
        self._services = services
        self._logins = logins
        self._handlers: dict[type[Any], Callable[[Session, RoomMember, Any], Awaitable[client.Res]]] = {
            client.Logout: self.logout,
            client.Publish: self.publish,
            client.StopPublish: self.stop_publish,
            client.Play: self.play,
            client.StopPlay: self.stop_play,
            client.RestartIce: self.restart_ice,
            client.StreamExtraInfo: self.stream_extra_info,
            client.Mutes: self.mutes,
            client.RoomExtraInfo: self.room_extra_info,
            client.Broadcast: self.broadcast,
            client.Barrage: self.barrage,
            client.CustomCommand: self.command,
            client.RenewToken: self.renew_token,
        }

    async def handle(self, session: Session, frame: client.RoomFrame) -> client.Res:
        """Answers any of these frames; `Rejection` where the session is not in the room."""
        member = session.rooms.get(frame.room_id)
        if member is None:
            if isinstance(frame, client.Logout) and frame.room_id in session.left:
                return client.Res(str(frame.id))  # asked again, since the first answer was lost or said "try again"
            raise Rejection.of(
                Code.ROOM_NOT_LOGGED_IN, "the session is not in this room", field="roomID", hint="log in first"
            )
        return await self._handlers[type(frame)](session, member, frame)

    async def logout(self, session: Session, member: RoomMember, frame: client.Logout) -> client.Res:
        """Asks to leave the room; the feed ends the membership when it sees the event."""
        await self._ask(session, member, frame, cmd.LeaveRoom(session.session_id))
        return client.Res(str(frame.id))

    async def publish(self, session: Session, member: RoomMember, frame: client.Publish) -> client.Res:
        """Asks the registry to take the offer of a stream."""
        session.rights[member.room].check_may_publish(frame.stream_id, self._clock.at() / 1e6)
        body = cmd.Publish(
            session.session_id, frame.stream_id, frame.sdp, frame.media, frame.transport_id, frame.extra_info,
            frame.codec,
        )  # fmt: skip
        return await self._negotiate(session, member, frame, body, frame.stream_id)

    async def play(self, session: Session, member: RoomMember, frame: client.Play) -> client.Res:
        """Asks the registry to send a stream."""
        body = cmd.Play(session.session_id, frame.stream_id, frame.sdp, frame.media, frame.transport_id)
        return await self._negotiate(session, member, frame, body, frame.stream_id)

    async def restart_ice(self, session: Session, member: RoomMember, frame: client.RestartIce) -> client.Res:
        """Asks for new ICE credentials of a transport."""
        body = cmd.RestartIce(session.session_id, frame.transport_id, frame.sdp)
        return await self._negotiate(session, member, frame, body, "")

    async def stop_publish(self, session: Session, member: RoomMember, frame: client.StopPublish) -> client.Res:
        """Ends a stream of the session's own."""
        await self._ask(session, member, frame, cmd.StopPublish(session.session_id, frame.stream_id))
        session.remove_stream(member.room, frame.stream_id)
        return client.Res(str(frame.id))

    async def stop_play(self, session: Session, member: RoomMember, frame: client.StopPlay) -> client.Res:
        """Ends the playing of a stream."""
        await self._ask(session, member, frame, cmd.StopPlay(session.session_id, frame.stream_id))
        session.remove_stream(member.room, frame.stream_id)
        return client.Res(str(frame.id))

    async def stream_extra_info(
        self, session: Session, member: RoomMember, frame: client.StreamExtraInfo
    ) -> client.Res:
        """Changes the text that goes with a stream of the session's own."""
        body = cmd.SetStreamExtraInfo(session.session_id, frame.stream_id, frame.extra_info)
        await self._ask(session, member, frame, body)
        return client.Res(str(frame.id))

    async def mutes(self, session: Session, member: RoomMember, frame: client.Mutes) -> client.Res:
        """Records which media of a stream of its own the session has muted."""
        body = cmd.SetMutes(session.session_id, frame.stream_id, frame.audio, frame.video)
        await self._ask(session, member, frame, body)
        return client.Res(str(frame.id))

    async def room_extra_info(self, session: Session, member: RoomMember, frame: client.RoomExtraInfo) -> client.Res:
        """Sets a key of the room's extra information."""
        await self._ask(session, member, frame, cmd.SetRoomExtraInfo(session.session_id, frame.key, frame.value))
        return client.Res(str(frame.id))

    async def broadcast(self, session: Session, member: RoomMember, frame: client.Broadcast) -> client.Res:
        """Sends a message to everybody in the room."""
        reply = await self._ask(session, member, frame, cmd.SendBroadcast(session.session_id, frame.message))
        return client.Sent(id=str(frame.id), message_id=decode_result(reply, cmd.MessageSent).message_id)

    async def barrage(self, session: Session, member: RoomMember, frame: client.Barrage) -> client.Res:
        """Sends a message that may be dropped where there are too many."""
        reply = await self._ask(session, member, frame, cmd.SendBarrage(session.session_id, frame.message))
        return client.Sent(id=str(frame.id), message_id=str(decode_result(reply, cmd.MessageSent).message_id))

    async def command(self, session: Session, member: RoomMember, frame: client.CustomCommand) -> client.Res:
        """Sends a custom command to some users, or to all."""
        body = cmd.SendCommand(session.session_id, frame.command, frame.to_user_ids)
        reply = await self._ask(session, member, frame, body)
        return client.Delivered(id=str(frame.id), absent=decode_result(reply, cmd.MessageSent).absent)

    async def renew_token(self, session: Session, member: RoomMember, frame: client.RenewToken) -> client.Res:
        """Verifies a fresh token; its rights hold from now on."""
        user_id, address = session.user.user_id, session.address
        checked = await self._logins.verify_token(
            session.app, user_id, member.room, frame.token, "renew", address=address
        )
        session.rights[member.room] = rights_of(checked)
        left = max(0, checked.expires_s - self._clock.at() // 1_000_000)
        return client.Renewed(id=str(frame.id), token_expires_in=left, session_id=self._logins.seal_secret(session))

    async def _negotiate(
        self, session: Session, member: RoomMember, frame: client.Publish | client.Play | client.RestartIce,
        body: cmd.Publish | cmd.Play | cmd.RestartIce, stream_id: str,
    ) -> client.Res:  # fmt: skip
        reply = await self._ask(session, member, frame, body)
        made = decode_result(reply, cmd.Published)
        if stream_id:
            session.add_stream(made.transport_id, member.room, stream_id)
        return client.Negotiated(id=str(frame.id), transport_id=made.transport_id, sdp=made.sdp)

    async def _ask(
        self, session: Session, member: RoomMember, frame: client.ClientFrame, body: cmd.AnyCommand
    ) -> cmd.Reply:
        caller = cmd.Caller(session.user.user_id, session.session_id, member.actor)
        condition = frame.if_seq if isinstance(frame, client.RoomAsk) else None
        request = cmd.Request(str(frame.id), caller, body, condition)
        return await self._services.ask(session.app, member.room, request)
