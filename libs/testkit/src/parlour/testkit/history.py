"""The history checker: what clients did and saw, held against the record.

Feed it what each client sent, was told and applied, and the final log of each call. It gives every broken promise in words; an empty
answer means that the run was right. It knows only docs/protocol.md and the chain's layout, and nothing of the services.

Promises:
1. What was acknowledged is in the log, once: the command's events are there, before or at the acknowledged position.
2. A command was done once: no command id stands at two separate places of a log.
3. A log is dense from 1, its hashes chain, its times never go back, and nobody saw another hash at a seq than the log holds.
4. What a client applied is a continuation: seq by seq or by declared skips, from where it began or was told to resync.
5. Nothing was seen before its commit.
6. A resync is explained: the client's position was not in the log any more, or the server named another reason.
7. Whoever is still there at the end has seen the whole log (`unseen`; only once nothing is under way any more).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

MICROSECONDS = 1_000_000
CLOCK_SLACK_US = 50_000
"""Client and database read one machine's clock, but not at one moment."""


@dataclass(frozen=True)
class Logged:
    """One event of the final log. `at` in unix µs, hashes in full."""

    room_uid: str
    seq: int
    at: int
    hash: str
    prev: str
    type: str
    command_id: str = ""


@dataclass(frozen=True)
class Acknowledged:
    """A command that was answered with success, and the position that came along ("" where none did)."""

    command_id: str
    position: str = ""
    appends: bool = True
    """Whether the command had to append something (a repeated leave, say, need not)."""


@dataclass(frozen=True)
class Applied:
    """What a client applied: one event (`first == last`) or a skip. `received_at` in unix µs, 0 if not known."""

    room_uid: str
    first: int
    last: int
    hash8: str
    received_at: int = 0


@dataclass(frozen=True)
class Began:
    """The client's state was set to this position: at login, by a snapshot, or by a resync with its reason."""

    position: str
    reason: str = "login"


@dataclass
class ClientHistory:
    """One client's life, in its own order."""

    name: str
    acknowledged: list[Acknowledged] = field(default_factory=list[Acknowledged])
    seen: list[Applied | Began] = field(default_factory=list["Applied | Began"])


@dataclass(frozen=True)
class Violation:
    """A broken promise: its number above, who noticed, and what is wrong."""

    promise: int
    who: str
    what: str


def check(clients: Iterable[ClientHistory], logs: Iterable[Logged]) -> list[Violation]:
    """All violations, the record's own first."""
    by_life: dict[str, list[Logged]] = defaultdict(list)
    for event in logs:
        by_life[event.room_uid].append(event)
    found = [violation for uid, events in by_life.items() for violation in _check_log(uid, events)]
    placed = _places(by_life)
    for client in clients:
        found += _check_acknowledged(client, placed)
        found += _check_seen(client, by_life)
    return found


def _check_log(uid: str, events: list[Logged]) -> Iterable[Violation]:
    prev, at = "0" * 64, 0
    for expected, event in enumerate(events, 1):
        if event.seq != expected:
            yield Violation(3, uid, f"event {event.seq} stands where {expected} belongs")
            return
        if event.prev != prev:
            yield Violation(3, uid, f"event {event.seq} cites another hash than event {event.seq - 1} has")
        if event.at < at:
            yield Violation(3, uid, f"event {event.seq} is older than the one before it")
        prev, at = event.hash, event.at
    spans: dict[str, list[int]] = defaultdict(list)
    for event in events:
        if event.command_id:
            spans[event.command_id].append(event.seq)
    for command_id, seqs in spans.items():
        if seqs[-1] - seqs[0] != len(seqs) - 1:
            yield Violation(2, uid, f"command {command_id} was done twice: its events are {seqs}")


def _places(by_life: dict[str, list[Logged]]) -> dict[str, tuple[str, int]]:
    return {
        event.command_id: (uid, event.seq) for uid, events in by_life.items() for event in events if event.command_id
    }


def _check_acknowledged(client: ClientHistory, placed: dict[str, tuple[str, int]]) -> Iterable[Violation]:
    for ack in client.acknowledged:
        place = placed.get(ack.command_id)
        if place is None:
            if ack.appends:
                yield Violation(1, client.name, f"command {ack.command_id} was acknowledged and is not in any log")
            continue
        uid, seq = place
        if ack.position and ack.position.split(".")[0] == uid and int(ack.position.split(".")[1]) < seq:
            yield Violation(
                1, client.name, f"command {ack.command_id} was acknowledged at {ack.position}, its event is {seq}"
            )


def _check_seen(client: ClientHistory, by_life: dict[str, list[Logged]]) -> Iterable[Violation]:
    standing: dict[str, int] = {}
    for item in client.seen:
        if isinstance(item, Began):
            yield from _check_beginning(client.name, item, standing, by_life)
            continue
        events = by_life.get(item.room_uid, [])
        at = standing.get(item.room_uid)
        if at is None:
            yield Violation(4, client.name, f"applied event {item.first} of a call that it never entered")
        elif item.first != at + 1:
            yield Violation(4, client.name, f"applied event {item.first} after {at}")
        standing[item.room_uid] = item.last
        if not 1 <= item.last <= len(events):
            yield Violation(1, client.name, f"was shown event {item.last}, which is not in the log of {item.room_uid}")
            continue
        logged = events[item.last - 1]
        if not logged.hash.startswith(item.hash8):
            yield Violation(3, client.name, f"saw {item.hash8} at event {item.last}, the log holds {logged.hash[:16]}")
        if item.received_at and item.received_at + CLOCK_SLACK_US < logged.at:
            yield Violation(5, client.name, f"saw event {item.last} before it was written")


def _check_beginning(
    who: str, item: Began, standing: dict[str, int], by_life: dict[str, list[Logged]]
) -> Iterable[Violation]:
    uid, seq_text, hash8 = item.position.split(".")
    seq, events = int(seq_text), by_life.get(uid, [])
    if seq > len(events) or (seq and not events[seq - 1].hash.startswith(hash8)):
        yield Violation(3, who, f"was set to {item.position}, which is not in the log")
    before = standing.get(uid)
    if before is not None and item.reason == "snapshot" and seq < before:
        yield Violation(4, who, f"a snapshot took it back from {before} to {seq}")
    if item.reason == "diverged" and before is not None and before <= len(events):
        yield Violation(6, who, f"was told that its history at {before} diverged, and the log still holds it")
    standing[uid] = seq


def unseen(clients: Iterable[ClientHistory], logs: Iterable[Logged]) -> list[Violation]:
    """Promise 7, for clients whose last call is still in `logs`."""
    heads: dict[str, int] = {}
    for event in logs:
        heads[event.room_uid] = max(event.seq, heads.get(event.room_uid, 0))
    found: list[Violation] = []
    for client in clients:
        last = client.seen[-1] if client.seen else None
        uid, seq = ("", 0) if last is None else _stands_at(last)
        if seq < heads.get(uid, 0):
            found.append(
                Violation(7, client.name, f"stands at {seq}, and was never shown what follows up to {heads[uid]}")
            )
    return found


def _stands_at(item: Applied | Began) -> tuple[str, int]:
    if isinstance(item, Applied):
        return item.room_uid, item.last
    uid, seq, _ = item.position.split(".")
    return uid, int(seq)


def from_frames(
    name: str, room: str, frames: Iterable[dict[str, object]], *, repetitions: bool = False
) -> ClientHistory:
    """A client's history from the frames that it received for one room, in their order (docs/protocol.md).

    repetitions: keeps events that came twice, for a test that says there must be none.
    """
    history, at, why = ClientHistory(name), 0, ""
    for frame in frames:
        kind, position = frame.get("t"), str(frame.get("pos") or frame.get("position") or "")
        if kind == "res" and frame.get("ok") and position and "users" in frame:
            history.seen.append(Began(position))
            at = int(position.split(".")[1])
        elif frame.get("roomID") != room:
            continue
        elif kind == "resync":
            why = str(frame.get("reason", "resync"))
        elif kind == "snap":
            history.seen.append(Began(position, why or "snapshot"))
            at, why = int(position.split(".")[1]), ""
        elif kind in ("ev", "skip"):
            uid, last, hash8 = position.split(".")
            first = int(str(frame["from"])) if kind == "skip" else int(last)
            if repetitions or int(last) > at:  # at or below: a repetition, dropped as rule 1 for clients says
                history.seen.append(Applied(uid, first, int(last), hash8))
                at = int(last)
    return history


def from_views(views: Iterable[dict[str, object]]) -> list[Logged]:
    """The log from what `parlour events --json` prints."""
    return [
        Logged(
            str(view["roomUID"]), int(str(view["seq"])), int(str(view["at"])), str(view["hash"]), str(view["prev"]),
            str(view["type"]), str(view.get("commandID", "")),
        )
        for view in views
    ]  # fmt: skip
