"""What the projections take out of stored bytes, in one pass: only the fields that rows have, and nothing sealed but names.

A million events are decoded in a rebuild, so envelopes are not taken apart in two steps here as they are for readers.
"""

from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.envelope import decode_envelope
from parlour.contracts.spelling import wire_name
from parlour.contracts.upcasters import UPCASTERS, upcast

E = TypeVar("E")


class Stored(msgspec.Struct, Generic[E], gc=False):
    """An envelope of which only the event matters."""

    data: E


class Joined(msgspec.Struct, rename=wire_name, gc=False):
    """`UserJoined`; its name is still sealed."""

    session_id: str
    actor: str
    user_name: str = ""


class Message(msgspec.Struct, rename=wire_name, gc=False):
    """Any message; `COUNT` names the column that counts it."""

    COUNT: ClassVar[str] = ""
    actor: str = ""


class Broadcast(Message, gc=False):
    """`BroadcastSent`."""

    COUNT = "broadcasts"


class Barrage(Message, gc=False):
    """`BarrageSent`."""

    COUNT = "barrages"


class Command(Message, gc=False):
    """`CommandSent`."""

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
        ev.StreamRemoved, ev.StreamRelayed, ev.PlayStarted, ev.PlayStopped,
    )
}  # fmt: skip
_DECODE = {tag: msgspec.json.Decoder(Stored[kind]).decode for tag, kind in _KINDS.items()}
ABOUT_APPS = "app."
"""How the types of an app's own log begin; it is no call."""


_NUL, _INSTEAD = rb"\u0000", rb"\ufffd"
"""A character that the log's bytes may hold, in a reason for instance, and no text column may."""


class UnreadableEvent(ValueError):
    """The bytes are not what their type says, or nobody here knows the type."""


def fact_of(type_: str, env: bytes) -> Any:
    """The event as the fold takes it; None for a type without rows. `Damaged` where it can't be read."""
    if _NUL in env:
        env = env.replace(_NUL, _INSTEAD)
    decode = _DECODE.get(type_)
    try:
        if decode is not None:
            return decode(env).data
        if type_ in UPCASTERS:
            return _of_a_former_type(type_, env)
    except (msgspec.DecodeError, ValueError) as error:  # bytes that are no UTF-8 are a ValueError
        raise UnreadableEvent(f"it is no {type_}: {error}") from None
    if type_ not in ev.BY_TAG:
        raise UnreadableEvent("this version does not know its type")
    return None


def _of_a_former_type(type_: str, env: bytes) -> Any:
    tag, data = upcast(type_, bytes(decode_envelope(env).data))
    kind = _KINDS.get(tag)
    return None if kind is None else msgspec.json.decode(data, type=kind)
