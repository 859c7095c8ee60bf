"""One attempt: the event opened as it may be seen now, put into the endpoint's form, signed and sent.

Opened at each attempt and never kept: a retry after an erasure shows the person erased.
"""

import secrets
import time
from uuid import UUID

import msgspec

from parlour.contracts import cloudevents
from parlour.contracts.envelope import EventView
from parlour.contracts.queries import RoomState
from parlour.contracts.webhooks import CALLBACKS
from parlour.kernel.log import EventLog, LogKey, Record
from parlour.kernel.sealing import People
from parlour.record.app.rooms.states import RoomStates
from parlour.record.domain.webhooks import signing
from parlour.record.domain.webhooks.attempts import Answer
from parlour.record.domain.webhooks.callbacks import CallbackContext, callback, close_reason, is_closed_empty
from parlour.record.domain.webhooks.endpoint import Endpoint
from parlour.runtime.deciding.readable import UNREADABLE, Open

from .ports import Attempt, Post

JSON = "application/json"
TEST = "webhook.test"
EXIT_PAGE, EXIT_PAGES = 100, 10
"""How far back from a room's end its last user's exit is looked for: behind it come only the ends of that user's streams and plays."""
_encode = msgspec.json.Encoder().encode


class UnreadableEvent(Exception):
    """The event can't be read, so there is nothing to send."""


class _About(msgspec.Struct):
    session_id: str = msgspec.field(name="sessionID", default="")
    stream_id: str = msgspec.field(name="streamID", default="")


class AttemptSender:
    """`event` and `test` send; both give a row for the delivery log."""

    def __init__(self, log: EventLog, people: People, open_records: Open, folds: RoomStates, post: Post) -> None:
        self._log = log
        self._people = people
        self._open = open_records
        self._folds = folds
        self._post = post

    async def event(self, endpoint: Endpoint, record: Record, number: int) -> Attempt:
        """The attempt of this number (1, 2, …) for one event. `Damaged` where it, or what it is told by, can't be read."""
        try:
            id_, content_type, body = await self._told(endpoint, record)
        except UNREADABLE as error:
            raise UnreadableEvent(f"{type(error).__name__}: {error}") from error
        return await self._send(endpoint, id_, record.type, content_type, body, number)

    async def _told(self, endpoint: Endpoint, record: Record) -> tuple[str, str, bytes]:
        """The event's id, and the body in the endpoint's form."""
        (view,) = await self._open(self._people, (record,))
        id_ = cloudevents.event_id(view.room_uid, view.seq)
        if endpoint.format != CALLBACKS:
            return id_, cloudevents.CONTENT_TYPE, _encode(cloudevents.cloud_event(view))
        now_s = round(time.time())
        secret = signing.valid(endpoint.secrets, now_s)[0]
        return id_, JSON, callback(view, await self._before(view), secret, now_s, secrets.token_hex(8))

    async def test(self, endpoint: Endpoint, id_: str) -> Attempt:
        """An event that says nothing but that the endpoint is reached."""
        event = {
            "specversion": cloudevents.SPEC_VERSION,
            "id": id_,
            "source": f"/apps/{endpoint.app}/webhooks/{endpoint.id}",
            "type": TEST,
            "time": cloudevents.moment(time.time_ns() // 1000),
        }
        return await self._send(endpoint, id_, TEST, cloudevents.CONTENT_TYPE, _encode(event), 1)

    async def _send(self, to: Endpoint, id_: str, type_: str, content_type: str, body: bytes, number: int) -> Attempt:
        at = time.time_ns() // 1000
        now_s = at // 1_000_000
        headers = signing.headers(id_, now_s, body, signing.valid(to.secrets, now_s)) | {"content-type": content_type}
        answer: Answer = await self._post(to.url, headers, body)
        return Attempt(id_, type_, at, number, answer)

    async def _before(self, view: EventView) -> CallbackContext:
        """The room just before the event, and when what the event ends began."""
        key = LogKey(view.app, view.room, UUID(view.room_uid))
        state = await self._folds.state(key, view.seq - 1)
        began = _began(state, msgspec.json.decode(view.data, type=_About))
        records = await self._log.read(key.uid, began - 1, 1) if began else ()
        last_exit = await self._last_exit(key.uid, view.seq) if is_closed_empty(view) else 0
        return CallbackContext(state, records[0].at if records else 0, last_exit)

    async def _last_exit(self, uid: UUID, seq: int) -> int:
        """How the last user left before an event; 0, a normal end, where that can't be found."""
        for _ in range(EXIT_PAGES):
            after = max(0, seq - 1 - EXIT_PAGE)
            records = await self._log.read(uid, after, seq - 1 - after) if seq > 1 else ()
            reason = close_reason(records)
            if reason is not None or after == 0:
                return reason or 0
            seq = after + 1
        return 0


def _began(state: RoomState, about: _About) -> int:
    """The seq at which the event's stream was added, or its session joined; 0 where there is neither."""
    if about.stream_id:
        return next((stream.added_seq for stream in state.streams if stream.stream_id == about.stream_id), 0)
    return next((user.joined_seq for user in state.users if user.session_id == about.session_id), 0)
