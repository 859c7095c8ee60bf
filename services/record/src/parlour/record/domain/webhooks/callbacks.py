"""The vendor's server callbacks, a second format of webhooks: its event names, field names and signature.

The signature is the hexadecimal SHA-1 over secret, timestamp and nonce, sorted as texts and put together; the body is not signed by it, the
Standard Webhooks headers beside it sign the body. Numbers that the vendor sends as texts are texts. What this suite does not have
(device types, CDN addresses) is empty. Source: the vendor's documentation of server callbacks.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.envelope import EventView, decode_envelope
from parlour.contracts.queries import RoomState
from parlour.kernel.log import Record

KINDS = frozenset(
    kind.TAG for kind in (
        ev.RoomOpened, ev.RoomClosed, ev.UserJoined, ev.UserLeft, ev.UserKicked, ev.StreamAdded, ev.StreamRemoved,
    )
)  # fmt: skip
"""The event types that have a callback."""
_EMPTY = "empty"
"""Reason of a room that closed since its last user left; any other was given by whoever closed it."""
_LAST_LEFT = {"heartbeat_timeout": 1, "disconnected": 2}
_LAST_KICKED = 3
_LEFT = {"logout": 0, "heartbeat_timeout": 1, "disconnected": 2, "room_closed": 0}
_KICKED = {"token_expired": 4}
"""Any other reason is 3: a later login, or a kick."""
_STREAM_CLOSED = {1: 0, 2: 1, 3: 2, 4: 3, 5: 4, 6: 100}
_CODECS = {"H264": 0, "VP8": 2, "H265": 3}
WEB = 6
PARTICIPANT = 1


class CallbackContext(msgspec.Struct, frozen=True):
    """What a callback says beyond its event: the room's state before it, when the user logged in or the stream began (unix µs), and how
    the last user left a room that closed empty, as `close_reason` numbers it."""

    state: RoomState
    began_at: int = 0
    last_exit: int = 0


def signature(secret: str, timestamp: str, nonce: str) -> str:
    """Returns the vendor's signature of a callback."""
    return hashlib.sha1("".join(sorted((secret, timestamp, nonce))).encode(), usedforsecurity=False).hexdigest()


def session_number(room_uid: str) -> str:
    """Returns the number that the vendor gives a call: 63 bits of the room_uid's random half, as text."""
    return str(int(room_uid.replace("-", "")[16:], 16) & (2**63 - 1))


def close_reason(records: Sequence[Record]) -> int | None:
    """Returns how the last user left among these events, as the vendor numbers it: 0 logout, 1 heartbeat timeout, 2 offline, 3 kicked.

    Returns None if nobody left. The fields read are not personal, so they are stored unsealed.
    """
    for record in reversed(records):
        if record.type == ev.UserKicked.TAG:
            return _LAST_KICKED
        if record.type == ev.UserLeft.TAG:
            left = msgspec.json.decode(decode_envelope(record.env).data, type=ev.UserLeft)
            return _LAST_LEFT.get(left.reason, 0)
    return None


def is_closed_empty(view: EventView) -> bool:
    """Returns whether the event closes a room that its last user left."""
    return view.type == ev.RoomClosed.TAG and _is_empty(msgspec.json.decode(view.data, type=ev.RoomClosed))


def _is_empty(closed: ev.RoomClosed) -> bool:
    return closed.reason == _EMPTY and not closed.by


def callback(view: EventView, context: CallbackContext, secret: str, now_s: int, nonce: str) -> bytes:
    """Returns the body to send for an event of `KINDS`."""
    event = msgspec.json.decode(view.data, type=ev.BY_TAG[view.type])
    fields = _fields(event, view, context)
    common = {
        "appid": str(view.app),
        "timestamp": str(now_s),
        "nonce": nonce,
        "signature": signature(secret, str(now_s), nonce),
    }
    return msgspec.json.encode(fields | common)


def _fields(event: ev.Event, view: EventView, context: CallbackContext) -> dict[str, Any]:
    match event:
        case ev.RoomOpened():
            return _room(view) | {"event": "room_create", "room_create_time": str(_ms(view.at)), "id_name": view.room}
        case ev.RoomClosed():
            closed = {"event": "room_close", "close_reason": str(context.last_exit if _is_empty(event) else 0)}
            return _room(view) | closed | {"room_close_time": str(_ms(view.at))}
        case ev.UserJoined():
            return _login(event, view)
        case ev.UserLeft(session_id, _, reason):
            return _logout(session_id, _LEFT.get(reason, 0), view, context)
        case ev.UserKicked(session_id, reason=reason):
            return _logout(session_id, _KICKED.get(reason, 3), view, context)
        case ev.StreamAdded():
            return _stream_create(event, view, context)
        case ev.StreamRemoved():
            return _stream_close(event, view, context)
        case _:
            raise ValueError(f"{view.type} has no callback")


def _room(view: EventView) -> dict[str, Any]:
    return {"room_id": view.room, "room_session_id": session_number(view.room_uid)}


def _login(event: ev.UserJoined, view: EventView) -> dict[str, Any]:
    return {
        "event": "room_login", "room_id": view.room, "room_name": view.room, "room_seq": session_number(view.room_uid),
        "user_account": event.user_id, "user_nickname": event.user_name, "session_id": event.session_id,
        "login_time": str(_ms(view.at)), "user_role": str(PARTICIPANT), "auth_level": "0", "relogin": "0",
        "user_update_seq": str(view.seq), "callback_data": "", "term_type": str(WEB),
    }  # fmt: skip


def _logout(session_id: str, reason: int, view: EventView, context: CallbackContext) -> dict[str, Any]:
    return {
        "event": "room_logout", "room_id": view.room, "room_seq": session_number(view.room_uid), "user_account": view.user_id,
        "user_nickname": _name(context.state, session_id), "session_id": session_id, "login_time": str(_ms(context.began_at)),
        "logout_time": str(_ms(view.at)), "reason": str(reason), "user_role": str(PARTICIPANT), "user_update_seq": str(view.seq),
    }  # fmt: skip


def _stream(stream_id: str, session_id: str, view: EventView, context: CallbackContext) -> dict[str, Any]:
    name = _name(context.state, session_id)
    return _room(view) | {
        "user_id": view.user_id, "user_name": name, "publish_id": view.user_id, "publish_name": name,
        "channel_id": stream_id, "stream_id": stream_id, "stream_alias": stream_id, "stream_seq": str(view.seq),
    }  # fmt: skip


def _stream_create(event: ev.StreamAdded, view: EventView, context: CallbackContext) -> dict[str, Any]:
    return _stream(event.stream_id, event.session_id, view, context) | {
        "event": "stream_create", "stream_sid": session_number(view.room_uid), "title": "", "recreate": "0",
        "stream_attr": msgspec.json.encode({"cid": _CODECS.get(event.codec.upper(), 2)}).decode(),
        "create_time": str(view.at // 1_000_000), "create_time_ms": str(_ms(view.at)), "extra_info": event.extra_info,
        "rtmp_url": [], "hls_url": [], "hdl_url": [], "pic_url": [],
    }  # fmt: skip


def _stream_close(event: ev.StreamRemoved, view: EventView, context: CallbackContext) -> dict[str, Any]:
    return _stream(event.stream_id, event.session_id, view, context) | {
        "event": "stream_close", "stream_sid": session_number(view.room_uid), "type": str(_STREAM_CLOSED.get(event.code, 0)),
        "third_define_data": "", "create_time_ms": str(_ms(context.began_at)), "destroy_timemillis": str(_ms(view.at)),
    }  # fmt: skip


def _name(state: RoomState, session_id: str) -> str:
    return next((user.user_name for user in state.users if user.session_id == session_id), "")


def _ms(at: int) -> int:
    return at // 1000
