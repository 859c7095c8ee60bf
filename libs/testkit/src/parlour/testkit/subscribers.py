"""What third-party subscribers were given, as histories for the checker."""

from collections.abc import Iterable

from parlour.client import Event, Item, Resync, Skip
from parlour.contracts.events import BY_TAG, Audience

from .history import Applied, Began, ClientHistory, Logged


def history_of(name: str, items: Iterable[Item]) -> ClientHistory:
    """Of the items of the Python client's feed. One that begins with an event continues from the place before it."""
    history = ClientHistory(name)
    for item in items:
        at = item.position
        match item:
            case Resync(reason=reason):
                history.seen.append(Began(str(at), reason))
            case Event(prev=prev):
                if not history.seen:
                    history.seen.append(Began(f"{at.room_uid}.{at.seq - 1}.{prev}"))
                history.seen.append(Applied(at.room_uid, at.seq, at.seq, at.hash8))
            case Skip(first=first):
                history.seen.append(Applied(at.room_uid, first, at.seq, at.hash8))
            case _:
                pass
    return history


def from_events(name: str, began: str, positions: Iterable[str], record: Iterable[Logged]) -> ClientHistory:
    """Of one who was given events and no skips: what only auditors read counts as skipped, all else must be there.

    began: where it stood before the first of them.
    """
    hidden = {(event.room_uid, event.seq) for event in record if _for_auditors(event)}
    history = ClientHistory(name, seen=[Began(began)])
    at = int(began.split(".")[1])
    for position in positions:
        call, seq, hash8 = position.split(".")
        first = at + 1
        while (call, first) in hidden and first < int(seq):
            first += 1
        history.seen.append(Applied(call, at + 1 if first == int(seq) else int(seq), int(seq), hash8))
        at = int(seq)
    return history


def _for_auditors(event: Logged) -> bool:
    kind = BY_TAG.get(event.type)
    return kind is not None and kind.AUDIENCE is Audience.AUDIT
