"""Answers NATS's auth callout about unknown connections, whose token is in the password or token field; our answers are signed."""

import msgspec
from nats.aio.msg import Msg

from parlour.auth.app.nats_reader_sessions import NatsReaderSessions
from parlour.contracts import events as ev
from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.contracts.envelope import EventView
from parlour.kernel.log import LogUnavailable
from parlour.kernel.rejection import Rejection
from parlour.kernel.view import event_of
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.messaging.endpoint import Headers
from parlour.runtime.signing.nats_keys import claims_of

SUBJECT = "$SYS.REQ.USER.AUTH"
QUEUE = "auth"
UNAVAILABLE = "the server cannot check tokens now"


class _Server(msgspec.Struct):
    id: str


class _Client(msgspec.Struct):
    id: int


class _Options(msgspec.Struct):
    auth_token: str = ""
    password: str = msgspec.field(name="pass", default="")


class _Question(msgspec.Struct):
    server_id: _Server
    user_nkey: str
    client_info: _Client
    connect_opts: _Options


class _Claims(msgspec.Struct):
    nats: _Question


_claims = msgspec.json.Decoder(_Claims)
_KICK = ev.UserKicked.TAG.encode()
_view = msgspec.json.Decoder(EventView)


class AuthCallout:
    """Admits readers to NATS. Only NATS servers may publish to the subject; services' users may not."""

    def __init__(self, readers: NatsReaderSessions) -> None:
        self._readers = readers

    async def serve(self, bus: Bus) -> None:
        """Subscribes to NATS's questions, and to the events that revoke tokens and kick users."""

        async def answer_question(message: Msg) -> None:
            try:
                await bus.publish(message.reply, (await self.answer(message.data)).encode())
            except Exception as error:
                bus.report_fault("callout", error)

        async def handle_app_event(to: Address, payload: bytes, headers: Headers) -> None:
            if _view.decode(payload).type == ev.SubscriptionsRevoked.TAG:
                self._readers.handle_revocation()

        async def handle_room_event(to: Address, payload: bytes, headers: Headers) -> None:
            if _KICK not in payload:  # most are joins and departures
                return
            view = _view.decode(payload)
            event = event_of(view)
            if isinstance(event, ev.UserKicked) and event.code == Code.KICKED_BY_SERVER:
                self._readers.handle_kick(view.app, view.room, view.user_id, f"{view.room_uid}:{view.seq}")

        await bus.client.subscribe(SUBJECT, QUEUE, answer_question)  # pyright: ignore[reportUnknownMemberType] its future is untyped
        await bus.flush_confirmed()
        await bus.subscribe(subjects.ALL_APP_EVENTS, handle_app_event)
        await bus.subscribe(subjects.ALL_ROOM_EVENTS, handle_room_event)

    async def answer(self, question: bytes) -> str:
        """The signed answer to NATS's signed question about one connection."""
        request = _claims.decode(claims_of(question)).nats
        server, options = request.server_id.id, request.connect_opts
        try:
            token = options.auth_token or options.password
            user = await self._readers.admit(token, request.user_nkey, server, request.client_info.id)
        except Rejection as refused:
            return self._readers.answer(request.user_nkey, server, error=refused.problem.message)
        except LogUnavailable:
            return self._readers.answer(request.user_nkey, server, error=UNAVAILABLE)
        return self._readers.answer(request.user_nkey, server, jwt=user)
