"""Decodes stored events into what the projections fold: only the fields that rows have, names still sealed.

A rebuild decodes millions of events, so an envelope and its event are decoded in one pass here, unlike for readers.
"""

from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.envelope import decode_envelope
from parlour.contracts.spelling import wire_name
from parlour.contracts.upcasters import UPCASTERS, upcast

E = TypeVar("E")


class _Envelope(msgspec.Struct, Generic[E], gc=False):
    """An envelope of which only the event is decoded."""

    data: E


class Joined(msgspec.Struct, rename=wire_name, gc=False):
    """A `UserJoined` event; its name is still sealed."""

    session_id: str
    actor: str
    user_name: str = ""


class Message(msgspec.Struct, rename=wire_name, gc=False):
    """A message event; `COUNT` names the column that counts it."""

    COUNT: ClassVar[str] = ""
    actor: str = ""


class Broadcast(Message, gc=False):
    """A `BroadcastSent` event, of which only the sender counts."""

    COUNT = "broadcasts"


class Barrage(Message, gc=False):
    """A `BarrageSent` event, of which only the sender counts."""

    COUNT = "barrages"


class Command(Message, gc=False):
    """A `CommandSent` event, of which only the sender counts."""

    COUNT = "commands"


_KINDS: dict[str, Any] = {
    ev.UserJoined.TAG: Joined,
    ev.BroadcastSent.TAG: Broadcast,
    ev.BarrageSent.TAG: Barrage,
    ev.CommandSent.TAG: Command,
} | {
    kind.TAG: kind
    for kind in (
        ev.RoomOpened, ev.UserSuspended, ev.UserResumed, ev.UserLeft, ev.UserKicked, ev.RoomClosed, ev.StreamAdded, ev.StreamUpdated,
        ev.StreamRemoved, ev.PlayStarted, ev.PlayStopped,
    )
}  # fmt: skip
_DECODE = {tag: msgspec.json.Decoder(_Envelope[kind]).decode for tag, kind in _KINDS.items()}
APP_EVENTS = "app."
"""Prefix of the event types of an app's own log, which is no call."""

_NUL, _REPLACEMENT = rb"\u0000", rb"\ufffd"
"""A character that stored JSON may hold, in a reason for instance, but no text column."""


class UnreadableEvent(ValueError):
    """The bytes are not what their type says, or this version does not know the type."""


def fact_of(type_: str, env: bytes) -> Any:
    """Returns the event for `CallFold.apply`; None for a type without rows. `UnreadableEvent` if it can't be decoded."""
    if _NUL in env:
        env = env.replace(_NUL, _REPLACEMENT)
    decode = _DECODE.get(type_)
    try:
        if decode is not None:
            return decode(env).data
        if type_ in UPCASTERS:
            return _upcast(type_, env)
    except (msgspec.DecodeError, ValueError) as error:  # bytes that are no UTF-8 are a ValueError
        raise UnreadableEvent(f"it is no {type_}: {error}") from None
    if type_ not in ev.BY_TAG:
        raise UnreadableEvent("this version does not know its type")
    return None


def _upcast(type_: str, env: bytes) -> Any:
    tag, data = upcast(type_, bytes(decode_envelope(env).data))
    kind = _KINDS.get(tag)
    return None if kind is None else msgspec.json.decode(data, type=kind)
