"""Events outside the suite: CloudEvents 1.0 in structured JSON mode, the same in every outlet.

`id` is `<room_uid>:<seq>`, stable over retries and outlets; `source` names the room; `type` is the stored tag; `sequence` (the sequence
extension) is the seq in 20 digits, so that it compares as text; `partitionkey` is the call, within which order holds; `data` is the
`EventView`, field for field as on NATS and on the WebSocket.
"""

from datetime import UTC, datetime

import msgspec

from .envelope import EventView
from .subjects import encode_id

CONTENT_TYPE = "application/cloudevents+json"
SPEC_VERSION = "1.0"
SEQUENCE_DIGITS = 20
_SECOND = 1_000_000


class CloudEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event as the specification spells it. `time` is RFC 3339 with microseconds; `subject` is the stream, if it is about one."""

    specversion: str = msgspec.field()
    id: str = msgspec.field()
    source: str = msgspec.field()
    type: str = msgspec.field()
    time: str = msgspec.field()
    datacontenttype: str = msgspec.field()
    sequence: str = msgspec.field()
    partitionkey: str = msgspec.field()
    data: EventView = msgspec.field()
    subject: str = ""


class _Subject(msgspec.Struct):
    stream_id: str = msgspec.field(name="streamID", default="")


_subject = msgspec.json.Decoder(_Subject)


def event_id(room_uid: str, seq: int) -> str:
    """Returns the id by which a receiver drops repeated events."""
    return f"{room_uid}:{seq}"


def source(app: int, room: str) -> str:
    """Returns `/apps/<app>/rooms/<encoded room>`; an app's own log is the room `=`."""
    return f"/apps/{app}/rooms/{encode_id(room)}"


def cloud_event(view: EventView) -> CloudEvent:
    """Builds the CloudEvent of a view."""
    return CloudEvent(
        SPEC_VERSION,
        event_id(view.room_uid, view.seq),
        source(view.app, view.room),
        view.type,
        moment(view.at),
        "application/json",
        str(view.seq).zfill(SEQUENCE_DIGITS),
        view.room_uid,
        view,
        _subject.decode(view.data).stream_id,
    )


def moment(at: int) -> str:
    """Returns unix microseconds as an RFC 3339 time."""
    whole, part = divmod(at, _SECOND)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{part:06d}Z"
