"""The privilege payload of a token: which room, whether to log in and to publish, and which streams.

Rules:
1. An empty payload restricts nothing. One that is there must be a JSON object of the known shape.
2. An empty `room_id` means any room; another must equal the room asked for.
3. Privilege 1 is login, 2 is publish: 1 allows, 0 denies, a missing key allows.
4. An absent or empty stream list means any stream.
"""

import msgspec

from parlour.contracts.codes import Code

from .token04 import Fine, flaw

LOGIN = "1"
PUBLISH = "2"


class Privileges(msgspec.Struct, frozen=True):
    """What a token allows; without a payload everything."""

    room: str = ""
    may_login: bool = True
    may_publish: bool = True
    stream_ids: tuple[str, ...] = ()


class _Payload(msgspec.Struct):
    room_id: str | None = None
    privilege: dict[str, int] | None = None
    stream_id_list: list[str] | None = None


def parse(payload: str) -> Privileges:
    """The privileges that a payload states; `TOKEN_REFUSED` when it is not a privilege payload."""
    if not payload:
        return Privileges()
    try:
        stated = msgspec.json.decode(payload.encode("utf-8", "surrogatepass"), type=_Payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _unreadable() from None
    privilege = stated.privilege or {}
    if any(value not in (0, 1) for value in privilege.values()):
        raise _unreadable()
    return Privileges(
        stated.room_id or "",
        bool(privilege.get(LOGIN, 1)),
        bool(privilege.get(PUBLISH, 1)),
        tuple(stated.stream_id_list or ()),
    )


def encode(room: str) -> str:
    """The payload that limits a token to one room; empty for any room."""
    if not room:
        return ""
    stated = {"room_id": room, "privilege": {LOGIN: 1, PUBLISH: 1}, "stream_id_list": None}
    return msgspec.json.encode(stated).decode()


def check_room(privileges: Privileges, room: str) -> None:
    """Rule 2. An empty `room` asks for none in particular."""
    if privileges.room and room and privileges.room != room:
        raise flaw(Code.TOKEN_REFUSED, "the token is for another room", Fine.REFUSED, "ask for a token of this room")


def check_login(privileges: Privileges) -> None:
    """Rule 3 for login."""
    if not privileges.may_login:
        raise flaw(Code.TOKEN_REFUSED, "the token does not allow to log in", Fine.REFUSED, "privilege 1 is 0")


def check_publish(privileges: Privileges, stream_id: str) -> None:
    """Rules 3 and 4 for publishing; an empty `stream_id` asks for none in particular."""
    if not privileges.may_publish:
        raise flaw(Code.PUBLISH_AUTH, "the token does not allow to publish", Fine.REFUSED, "privilege 2 is 0")
    if stream_id and privileges.stream_ids and stream_id not in privileges.stream_ids:
        raise flaw(
            Code.PUBLISH_AUTH, "the token does not allow this stream", Fine.REFUSED, "it is not in stream_id_list"
        )


def _unreadable() -> Exception:
    return flaw(Code.TOKEN_REFUSED, "the token's payload is not a privilege payload", Fine.PAYLOAD)
