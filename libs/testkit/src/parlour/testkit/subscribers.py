"""What third-party subscribers were given, as histories for the checker."""

from collections.abc import Iterable

from parlour.client import Event, Item, Resync, Skip

from .history import Applied, Began, ClientHistory


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
