"""One attempt to deliver an event: opened as it may be seen now, put into the endpoint's format, signed and sent.

Events are opened at each attempt and not stored in between: a retry after an erasure shows the person erased.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import msgspec

from parlour.contracts import cloudevents
from parlour.contracts.envelope import EventView
from parlour.contracts.queries import RoomState
from parlour.contracts.webhooks import CALLBACKS
from parlour.kernel.decider import Clock
from parlour.kernel.log import EventLog, LogKey, Record
from parlour.kernel.sealing import UserKeyStore
from parlour.record.app.rooms.states import RoomStates
from parlour.record.domain.webhooks import signing
from parlour.record.domain.webhooks.callbacks import CallbackContext, callback, close_reason, is_closed_empty
from parlour.record.domain.webhooks.endpoint import Endpoint
from parlour.runtime.deciding.sealing import UNREADABLE, open_records

from .ports import Attempt, Post

JSON = "application/json"
TEST_TYPE = "webhook.test"
NONCE_BYTES = 8
EVENTS_PER_EXIT_READ, EXIT_READS = 100, 10
"""How far back from a room's end its last user's exit is searched: behind it come only the ends of that user's streams and plays."""
_encode = msgspec.json.Encoder().encode


class UnreadableEvent(Exception):
    """The event can't be read, so there is nothing to send."""


class _Subject(msgspec.Struct):
    """The fields that say which session or stream an event is about."""

    session_id: str = msgspec.field(name="sessionID", default="")
    stream_id: str = msgspec.field(name="streamID", default="")


@dataclass(eq=False)
class AttemptSender:
    """Workers call `send_event`, operators' tests `send_test`; both return the row for the delivery log."""

    _log: EventLog
    _people: UserKeyStore
    _states: RoomStates
    _post: Post
    _clock: Clock
    _draw: Callable[[int], bytes]
    """Returns so many random bytes."""

    async def send_event(self, endpoint: Endpoint, record: Record, number: int) -> Attempt:
        """Sends one event for the time of this number (1, 2, …). `UnreadableEvent` if it, or what explains it, can't be read."""
        try:
            id_, content_type, body = await self._body(endpoint, record)
        except UNREADABLE as error:
            raise UnreadableEvent(f"{type(error).__name__}: {error}") from error
        return await self._send(endpoint, id_, record.type, content_type, body, number)

    async def _body(self, endpoint: Endpoint, record: Record) -> tuple[str, str, bytes]:
        """Returns the event's id, and the content type and body in the endpoint's format."""
        (view,) = await open_records(self._people, (record,))
        id_ = cloudevents.event_id(view.room_uid, view.seq)
        if endpoint.format != CALLBACKS:
            return id_, cloudevents.CONTENT_TYPE, _encode(cloudevents.cloud_event(view))
        now_s = round(self._clock.at() / 1e6)
        secret = signing.valid_secrets(endpoint.secrets, now_s)[0]
        context = await self._context(view)
        return id_, JSON, callback(view, context, secret, now_s, self._draw(NONCE_BYTES).hex())

    async def send_test(self, endpoint: Endpoint, id_: str) -> Attempt:
        """Sends an event that says nothing but that the endpoint is reached."""
        event = {
            "specversion": cloudevents.SPEC_VERSION,
            "id": id_,
            "source": f"/apps/{endpoint.app}/webhooks/{endpoint.id}",
            "type": TEST_TYPE,
            "time": cloudevents.moment(self._clock.at()),
        }
        return await self._send(endpoint, id_, TEST_TYPE, cloudevents.CONTENT_TYPE, _encode(event), 1)

    async def _send(self, to: Endpoint, id_: str, type_: str, content_type: str, body: bytes, number: int) -> Attempt:
        at = self._clock.at()
        now_s = at // 1_000_000
        headers = signing.signature_headers(id_, now_s, body, signing.valid_secrets(to.secrets, now_s)) | {
            "content-type": content_type
        }
        return Attempt(id_, type_, at, number, await self._post(to.url, headers, body))

    async def _context(self, view: EventView) -> CallbackContext:
        key = LogKey(view.app, view.room, UUID(view.room_uid))
        state = await self._states.state(key, view.seq - 1)
        began = _began_seq(state, msgspec.json.decode(view.data, type=_Subject))
        records = await self._log.read(key.uid, began - 1, 1) if began else ()
        last_exit = await self._last_exit(key.uid, view.seq) if is_closed_empty(view) else 0
        return CallbackContext(state, records[0].at if records else 0, last_exit)

    async def _last_exit(self, uid: UUID, seq: int) -> int:
        """Returns how the last user left before an event; 0, a normal end, if that is not found."""
        for _ in range(EXIT_READS):
            after = max(0, seq - 1 - EVENTS_PER_EXIT_READ)
            records = await self._log.read(uid, after, seq - 1 - after) if seq > 1 else ()
            reason = close_reason(records)
            if reason is not None or after == 0:
                return reason or 0
            seq = after + 1
        return 0


def _began_seq(state: RoomState, about: _Subject) -> int:
    """Returns the seq at which the event's stream was added, or its session joined; 0 if there is neither."""
    if about.stream_id:
        return next((stream.added_seq for stream in state.streams if stream.stream_id == about.stream_id), 0)
    return next((user.joined_seq for user in state.users if user.session_id == about.session_id), 0)
