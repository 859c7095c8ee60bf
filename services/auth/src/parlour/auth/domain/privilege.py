"""The privilege payload of a token04: which room, whether to log in and to publish, and which streams.

Rules:
1. An empty payload restricts nothing. Where the app has privileges enforced, one that is there must be a JSON object of the known shape:
   no other keys, none repeated, ids that are ids.
2. Elsewhere a payload is the app's own text and restricts nothing, unless it says `"enforced": true` itself, as those made here do.
3. An empty `room_id` means any room; another must equal the room asked for.
4. Privilege 1 is login, 2 is publish: 1 allows, 0 denies, a missing key allows.
5. An absent or empty stream list means any stream.
"""

import json
from typing import Literal

import msgspec

from parlour.contracts.codes import Code
from parlour.contracts.ids import Invalid, check_room_id, check_stream_id

from .token04 import Fine, flaw

LOGIN: Literal["1"] = "1"
PUBLISH: Literal["2"] = "2"


class Privileges(msgspec.Struct, frozen=True):
    """What a token allows; one without a payload allows everything."""

    room: str = ""
    may_login: bool = True
    may_publish: bool = True
    stream_ids: tuple[str, ...] = ()


class _Payload(msgspec.Struct, forbid_unknown_fields=True):
    room_id: str | None = None
    privilege: dict[Literal["1", "2"], Literal[0, 1]] | None = None
    stream_id_list: list[str] | None = None
    enforced: bool = False


def parse(payload: str, *, enforced: bool = True) -> Privileges:
    """The privileges that a payload states; `TOKEN_REFUSED` when they are enforced and it is not a privilege payload."""
    if not payload:
        return Privileges()
    stated = _read(payload.encode("utf-8", "surrogatepass"))
    if not enforced and not (stated and stated.enforced):
        return Privileges()
    if stated is None:
        raise flaw(Code.TOKEN_REFUSED, "the token's payload is not a privilege payload", Fine.PAYLOAD)
    login, publish = (bool((stated.privilege or {}).get(key, 1)) for key in (LOGIN, PUBLISH))
    return Privileges(stated.room_id or "", login, publish, tuple(stated.stream_id_list or ()))


def encode(room: str) -> str:
    """The payload that limits a token to one room whatever the app's rule; empty for any room."""
    if not room:
        return ""
    stated = _Payload(room, {LOGIN: 1, PUBLISH: 1}, None, True)
    return msgspec.json.encode(stated).decode()


def check_room(privileges: Privileges, room: str) -> None:
    """Raises `Rejection` by rule 3; an empty `room` names none in particular."""
    if privileges.room and room and privileges.room != room:
        raise flaw(Code.TOKEN_REFUSED, "the token is for another room", Fine.REFUSED, "ask for a token of this room")


def check_login(privileges: Privileges) -> None:
    """Raises `Rejection` where rule 4 forbids the login."""
    if not privileges.may_login:
        raise flaw(Code.TOKEN_REFUSED, "the token does not allow to log in", Fine.REFUSED, "privilege 1 is 0")


def check_publish(privileges: Privileges, stream_id: str) -> None:
    """Raises `Rejection` where rule 4 or 5 forbids publishing; an empty `stream_id` names none in particular."""
    if not privileges.may_publish:
        raise flaw(Code.PUBLISH_AUTH, "the token does not allow to publish", Fine.REFUSED, "privilege 2 is 0")
    if stream_id and privileges.stream_ids and stream_id not in privileges.stream_ids:
        hint = "it is not in stream_id_list"
        raise flaw(Code.PUBLISH_AUTH, "the token does not allow this stream", Fine.REFUSED, hint)


def _read(payload: bytes) -> _Payload | None:
    """The privileges in the payload; None where it has another form."""
    try:
        stated = msgspec.json.decode(payload, type=_Payload)
        json.loads(payload, object_pairs_hook=_unrepeated)
        if stated.room_id:
            check_room_id(stated.room_id)
        for stream_id in stated.stream_id_list or ():
            check_stream_id(stream_id)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, _Repeated, Invalid):
        return None
    return stated


class _Repeated(Exception):
    """A JSON object has a key twice."""


def _unrepeated(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise _Repeated
