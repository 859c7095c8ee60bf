"""NATS subjects, the partition of a room, and the one encoding of ids into subject tokens and URLs."""

from functools import lru_cache

PARTITIONS = 256
VERSION = "v1"
PREFIX = f"parlour.{VERSION}"

_PLAIN = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-")
_REMEMBERED = 16_384
"""Ids whose token and partition are kept: both are asked for several times in each command of a room."""
_ESCAPE = "="
"""Safe in a NATS token, in a URL path segment and in a file name; itself always escaped."""


@lru_cache(_REMEMBERED)
def encode_id(text: str) -> str:
    """One subject token for any id: letters, digits, `_` and `-` stay, every other UTF-8 byte becomes `=XX`.

    Reversible and readable; the empty id is a lone `=`.
    """
    if not text:
        return _ESCAPE
    if all(c in _PLAIN for c in text):
        return text
    return "".join(chr(b) if chr(b) in _PLAIN else f"{_ESCAPE}{b:02X}" for b in text.encode())


def decode_id(token: str) -> str:
    """Returns the id that `encode_id` encoded; ValueError for a token that it never returns."""
    if token == _ESCAPE:
        return ""
    out = bytearray()
    at = 0
    while at < len(token):
        if token[at] == _ESCAPE:
            out.append(int(token[at + 1 : at + 3], 16))
            at += 3
        else:
            out += token[at].encode()
            at += 1
    text = out.decode()
    if encode_id(text) != token:
        raise ValueError(f"{token!r} is not an encoded id")
    return text


def fnv1a_32(octets: bytes) -> int:
    """FNV-1a, 32 bits: the hash behind NATS's `partition()`."""
    value = 0x811C9DC5
    for octet in octets:
        value = ((value ^ octet) * 0x01000193) & 0xFFFFFFFF
    return value


@lru_cache(_REMEMBERED)
def partition(app: int, room: str) -> int:
    """0 … 255, the same for all calls of a room name; NATS computes it as `partition(256, app, room token)`."""
    return fnv1a_32(f"{app}{encode_id(room)}".encode()) % PARTITIONS


def command(app: int, service: str, room: str, verb: str) -> str:
    """`parlour.v1.<app>.cmd.<service>.<p>.<room>.<verb>`, request and reply."""
    return f"{PREFIX}.{app}.cmd.{service}.{partition(app, room)}.{encode_id(room)}.{verb}"


def commands_of(service: str) -> str:
    """Returns the subject that a service subscribes to for its commands."""
    return f"{PREFIX}.*.cmd.{service}.*.*.*"


def events(app: int, room: str, kind: str) -> str:
    """`parlour.v1.<app>.evt.<p>.<room>.<kind>`; kind is the event's aggregate: room, streams, im."""
    return f"{PREFIX}.{app}.evt.{partition(app, room)}.{encode_id(room)}.{kind}"


def events_of_room(app: int, room: str) -> str:
    """Returns the subject of all events of one room, over its calls."""
    return events(app, room, "*")


ALL_EVENTS = f"{PREFIX}.*.evt.*.*.*"
ALL_ROOM_EVENTS = f"{PREFIX}.*.evt.*.*.room"
"""Of comings and goings: the aggregate `room` of every room."""
ALL_APP_EVENTS = f"{PREFIX}.*.evt.*.{_ESCAPE}.*"
"""Of the apps' own logs, whose room is the empty id."""


def query(app: int, room: str, what: str) -> str:
    """Returns the subject `parlour.v1.<app>.qry.<room>.{head,replay,snapshot}`."""
    return f"{PREFIX}.{app}.qry.{encode_id(room)}.{what}"


ALL_QUERIES = f"{PREFIX}.*.qry.*.*"


def service_query(app: int, room: str, what: str) -> str:
    """`query` as services of the suite ask it: no reader outside may publish to it, so its answers have no pace."""
    return query(app, room, f"service_{what}")


INBOX = "_INBOX."
"""What the reply subject of a request begins with. NATS checks no permission for reply subjects: without this rule whoever may ask
could have an answer published on any subject that the answering service may publish to."""
_READER = "s-"


def reader_inbox(app: int, jti: str) -> str:
    """The inbox of a reader outside, to be a client's `inbox_prefix`: the app is in it, since apps choose their tokens' `jti`."""
    return f"{INBOX}{_READER}{app}-{encode_id(jti)}"


def is_inbox(reply: str) -> bool:
    """Returns whether an answer may be published to the subject: `_INBOX.<whose>.<more>`, without wildcards."""
    whose, _, more = reply.removeprefix(INBOX).partition(".")
    return reply.startswith(INBOX) and bool(whose and more) and not any(sign in reply for sign in "*> ")


def reader_of(reply: str) -> tuple[int, str] | None:
    """Returns the app and encoded `jti` in a reader's inbox; None for another inbox."""
    whose = reply[len(INBOX) :].partition(".")[0]
    app, _, jti = whose[len(_READER) :].partition("-")
    return (int(app), jti) if whose.startswith(_READER) and app.isdecimal() and app.isascii() and jti else None


def relay_command(node: str, kind: str) -> str:
    """Returns the subject `parlour.v1.relay.<node>.cmd.<kind>`."""
    return f"{PREFIX}.relay.{encode_id(node)}.cmd.{kind}"


def relay_fact(node: str, kind: str) -> str:
    """Returns the subject `parlour.v1.relay.<node>.fact.<kind>`."""
    return f"{PREFIX}.relay.{encode_id(node)}.fact.{kind}"


RELAY_FACTS = f"{PREFIX}.relay.*.fact.*"


def relay_quality(node: str) -> str:
    """`parlour.v1.relay.<node>.sample.quality`: measurements, which may be lost."""
    return f"{PREFIX}.relay.{encode_id(node)}.sample.quality"


RELAY_QUALITY = f"{PREFIX}.relay.*.sample.quality"


def presence(gateway: str) -> str:
    """`parlour.v1.presence.<gateway>`: which sessions a gateway holds, about once a second."""
    return f"{PREFIX}.presence.{encode_id(gateway)}"


ALL_PRESENCE = f"{PREFIX}.presence.*"


def head(p: int) -> str:
    """`parlour.v1.head.<p>`: the beacon of changed room heads of a partition."""
    return f"{PREFIX}.head.{p}"


ALL_HEADS = f"{PREFIX}.head.*"


def room_head(app: int, room: str) -> str:
    """`parlour.v1.<app>.head.<p>.<room>`: the room's own part of the beacon, for readers who may know of no other room."""
    return f"{PREFIX}.{app}.head.{partition(app, room)}.{encode_id(room)}"


ALL_ROOM_HEADS = f"{PREFIX}.*.head.*.*"
