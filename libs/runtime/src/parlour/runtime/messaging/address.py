"""A NATS subject taken apart: what a handler needs to know about where a message was sent."""

from functools import lru_cache

import msgspec

from parlour.contracts.subjects import decode_id


class NotAnAddress(ValueError):
    """A subject has an id in it that `encode_id` never wrote."""


class Address(msgspec.Struct, frozen=True):
    """The parts that a subject has; those that it lacks are 0, -1 or empty. Ids are decoded.

    cmd: app, service, p, room, verb · evt: app, p, room, verb (the aggregate) · qry: app, room, verb (head, replay, snapshot)
    relay: node, service (cmd, fact or sample), verb (the kind) · presence: node (the gateway) · head: p
    """

    subject: str
    kind: str = ""
    app: int = 0
    service: str = ""
    p: int = -1
    room: str = ""
    verb: str = ""
    node: str = ""


@lru_cache(maxsize=8192)
def parse(subject: str) -> Address:
    """Parses a subject; one that is not Parlour's has an empty kind. `NotAnAddress` for an id that `encode_id` never returns."""
    try:
        return _parse(subject)
    except ValueError:
        raise NotAnAddress(f"{subject[:200]!r} has an id that is not encoded") from None


def _parse(subject: str) -> Address:
    match subject.split("."):
        case ["parlour", "v1", "relay", node, service, verb]:
            return Address(subject, "relay", node=decode_id(node), service=service, verb=verb)
        case ["parlour", "v1", "presence", gateway]:
            return Address(subject, "presence", node=decode_id(gateway))
        case ["parlour", "v1", "head", p] if p.isdigit():
            return Address(subject, "head", p=int(p))
        case ["parlour", "v1", app, "cmd", service, p, room, verb] if app.isdigit() and p.isdigit():
            return Address(subject, "cmd", int(app), service, int(p), decode_id(room), verb)
        case ["parlour", "v1", app, "evt", p, room, verb] if app.isdigit() and p.isdigit():
            return Address(subject, "evt", int(app), p=int(p), room=decode_id(room), verb=verb)
        case ["parlour", "v1", app, "qry", room, verb] if app.isdigit():
            return Address(subject, "qry", int(app), room=decode_id(room), verb=verb)
        case _:
            return Address(subject)
