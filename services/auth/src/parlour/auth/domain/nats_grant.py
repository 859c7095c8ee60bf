"""Which NATS subjects an outside reader may publish to and subscribe to.

Rules: 1. NATS has no filter by reader: a subject carries what members see and what only auditors see, so a token needs `events` and
`audit`; 2. a token of one room gets that room's events, heads and questions, one of any room those of its app; nobody else's, no commands,
no relay, no JetStream; 3. answers come to an inbox of the token's own; 4. a subscription may leave the partition of a room open
(`*`), so that nobody has to compute it: the room's name alone says which room it is.
"""

import msgspec

from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.contracts.subscriptions import Subscription
from parlour.kernel.rejection import Rejection

NEEDED_SCOPES = ("events", "audit")
QUESTIONS = ("head", "replay", "snapshot")


class NatsGrant(msgspec.Struct, frozen=True):
    """The subjects that a reader may publish to and subscribe to."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def grant_for(who: Subscription) -> NatsGrant:
    """The subjects that a token grants; `Rejection` by rule 1."""
    missing = [scope for scope in NEEDED_SCOPES if not who.allows(scope)]
    if missing:
        hint = "WebSocket and SSE serve readers who may not see everything"
        raise Rejection(Code.FORBIDDEN, f"NATS needs the scope {missing[0]} too", field="scopes", hint=hint)
    own = f"{subjects.reader_inbox(who.app, who.jti)}.>"
    if who.room is None:
        queries = tuple(f"{subjects.PREFIX}.{who.app}.qry.*.{what}" for what in QUESTIONS)
        events = (f"{subjects.PREFIX}.{who.app}.evt.*.*.*", f"{subjects.PREFIX}.{who.app}.head.*.*")
    else:
        queries = tuple(subjects.query(who.app, who.room, what) for what in QUESTIONS)
        room = subjects.encode_id(who.room)  # in any partition, so that a reader need not compute the one that it is in
        events = (f"{subjects.PREFIX}.{who.app}.evt.*.{room}.*", f"{subjects.PREFIX}.{who.app}.head.*.{room}")
    return NatsGrant(queries, (*events, own))
