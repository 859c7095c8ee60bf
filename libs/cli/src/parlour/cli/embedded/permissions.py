"""Who may say and hear what on NATS: one static user per service, each with only its subjects.

A service publishes the events of the aggregate that it owns, and no other; only `record` may repeat any event, since it
publishes what a dead committer did not. Everybody may ask (an inbox of its own, answered by whoever was asked) and be
listed as a micro-service. Clients of the suite never get one of these users: NATS asks `auth` about them.
"""

import msgspec

from parlour.contracts import subjects

USERS = ("auth", "room", "registry", "relay", "im", "record", "gateway", "cli", "test")
EVERYTHING = f"{subjects.PREFIX}.>"
INBOX = "_INBOX.>"
CALLOUT = "$SYS.REQ.USER.AUTH"
CALLOUT_ANSWERS = "$SYS._INBOX.>"
SYSTEM = "system"
"""The user in NATS's own account; it is not among `USERS`, since its password is derived from the master key."""
SYSTEM_REQUESTS = ("$SYS.REQ.SERVER.*.KICK", "$SYS.REQ.SERVER.*.CONNZ")
"""Closes a connection, and lists them with the number of their subscriptions."""
DISCOVERY = "$SRV.>"
ANY_COMMAND = f"{subjects.PREFIX}.*.cmd.*.*.*.*"
RELAY_REPORTS = f"{subjects.PREFIX}.relay.*.cmd.report"
RELAY_FLIGHTS = f"{subjects.PREFIX}.relay.*.cmd.flight"
RELAY_COMMANDS = f"{subjects.PREFIX}.relay.*.cmd.*"
RELAY_LOSSES = f"{subjects.PREFIX}.relay.*.fact.transport_gone"
"""The registry says it in the place of a node that died."""


class Grant(msgspec.Struct, frozen=True):
    """Subjects that a user may publish to and subscribe to."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def events_of(aggregate: str) -> str:
    """The events of one aggregate, in all apps and rooms."""
    return f"{subjects.PREFIX}.*.evt.*.*.{aggregate}"


def decider(service: str, aggregate: str, *, says: tuple[str, ...] = (), subscribes: tuple[str, ...] = ()) -> Grant:
    """A service that answers commands and owns an aggregate; it subscribes to all events, since it may react to any."""
    return Grant((events_of(aggregate), *says), (subjects.commands_of(service), subjects.ALL_EVENTS, *subscribes))


def inbox_of(user: str) -> str:
    """Where answers come to: nobody reads another's. See `runtime.bus`."""
    return f"_INBOX.{user}.>"


def grants() -> dict[str, Grant]:
    """Returns the subjects that each user may publish and subscribe to."""
    reading = (subjects.ALL_EVENTS, subjects.ALL_HEADS)
    chosen = {
        "auth": decider(
            "auth", "app", says=(events_of("privacy"), events_of("bans"), CALLOUT_ANSWERS), subscribes=(CALLOUT,)
        ),
        "room": decider("room", "room", says=(subjects.ALL_PRESENCE,), subscribes=(subjects.ALL_PRESENCE,)),
        "registry": decider(
            "registry",
            "streams",
            says=(RELAY_COMMANDS, RELAY_LOSSES, subjects.ALL_PRESENCE),
            subscribes=(subjects.RELAY_FACTS,),
        ),
        "relay": Grant((subjects.RELAY_FACTS, subjects.RELAY_QUALITY), (RELAY_COMMANDS,)),
        "im": decider("im", "im"),
        "record": Grant(
            (*reading, subjects.ALL_ROOM_HEADS),
            (*reading, subjects.ALL_QUERIES, subjects.commands_of("record"), subjects.RELAY_QUALITY),
        ),
        "gateway": Grant(
            (ANY_COMMAND, subjects.ALL_QUERIES, subjects.ALL_PRESENCE, DISCOVERY),
            (*reading, subjects.ALL_PRESENCE, subjects.RELAY_FACTS),
        ),
        "cli": Grant((ANY_COMMAND, subjects.ALL_QUERIES, RELAY_REPORTS, RELAY_FLIGHTS, DISCOVERY), reading),
        "test": Grant((EVERYTHING, DISCOVERY), (EVERYTHING,)),
    }
    return {
        user: Grant((*grant.publish, INBOX), (*grant.subscribe, inbox_of(user), DISCOVERY))
        for user, grant in chosen.items()
    }
