"""The checker accepts a right history and refuses each wrong one that it must refuse."""

import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from parlour.testkit.history import Acknowledged, Applied, Began, ClientHistory, Logged, check, from_frames

UID = "0190a1b2-0000-7000-8000-000000000001"


def log(*commands: str) -> list[Logged]:
    """One event for each command id."""
    prev, out = "0" * 64, list[Logged]()
    for seq, command in enumerate(commands, 1):
        hash_ = hashlib.sha256(f"{prev}{seq}".encode()).hexdigest()
        out.append(Logged(UID, seq, seq * 1_000_000, hash_, prev, "im.broadcast_sent.v1", command))
        prev = hash_
    return out


def position(events: list[Logged], seq: int) -> str:
    return f"{UID}.{seq}.{events[seq - 1].hash[:16] if seq else '0' * 16}"


def saw(events: list[Logged], seq: int, *, received_at: int = 0) -> Applied:
    return Applied(UID, seq, seq, events[seq - 1].hash[:16], received_at)


EVENTS = log("a", "b", "c", "d")


def right() -> ClientHistory:
    """Logged in at 1, saw 2 to 4, was acknowledged b and d."""
    acknowledged = [Acknowledged("b", position(EVENTS, 2)), Acknowledged("d", position(EVENTS, 4))]
    seen: list[Applied | Began] = [Began(position(EVENTS, 1)), saw(EVENTS, 2), Applied(UID, 3, 4, EVENTS[3].hash[:16])]
    return ClientHistory("ann", acknowledged, seen)


def test_a_right_history_passes() -> None:
    assert check([right()], EVENTS) == []


def _lost_acknowledgement(client: ClientHistory) -> None:
    client.acknowledged.append(Acknowledged("z"))


def _acknowledged_before_its_event(client: ClientHistory) -> None:
    client.acknowledged.append(Acknowledged("c", position(EVENTS, 2)))


def _skipped_an_event(client: ClientHistory) -> None:
    client.seen[1:] = [saw(EVENTS, 3)]


def _repeated_an_event(client: ClientHistory) -> None:
    client.seen.append(saw(EVENTS, 4))


def _saw_another_history(client: ClientHistory) -> None:
    client.seen[1] = replace(saw(EVENTS, 2), hash8="f" * 16)


def _saw_it_before_the_commit(client: ClientHistory) -> None:
    client.seen[1] = saw(EVENTS, 2, received_at=1_000_000)


def _saw_what_is_not_there(client: ClientHistory) -> None:
    client.seen.append(Applied(UID, 5, 5, "e" * 16))


def _went_back(client: ClientHistory) -> None:
    client.seen.append(Began(position(EVENTS, 2), "snapshot"))


def _was_sent_away_without_reason(client: ClientHistory) -> None:
    client.seen.append(Began(position(EVENTS, 4), "diverged"))


@pytest.mark.parametrize(
    ("spoil", "promise"),
    [
        (_lost_acknowledgement, 1),
        (_acknowledged_before_its_event, 1),
        (_skipped_an_event, 4),
        (_repeated_an_event, 4),
        (_saw_another_history, 3),
        (_saw_it_before_the_commit, 5),
        (_saw_what_is_not_there, 1),
        (_went_back, 4),
        (_was_sent_away_without_reason, 6),
    ],
)
def test_a_wrong_client_history_is_refused(spoil: Callable[[ClientHistory], None], promise: int) -> None:
    client = right()
    spoil(client)
    assert promise in {violation.promise for violation in check([client], EVENTS)}


@pytest.mark.parametrize(
    ("events", "promise"),
    [
        ([*EVENTS[:2], *EVENTS[3:]], 3),
        ([EVENTS[0], replace(EVENTS[1], prev="f" * 64), *EVENTS[2:]], 3),
        ([*EVENTS[:3], replace(EVENTS[3], at=1)], 3),
        (log("a", "b", "c", "b"), 2),
    ],
)
def test_a_wrong_log_is_refused(events: list[Logged], promise: int) -> None:
    assert promise in {violation.promise for violation in check([], events)}


def test_frames_become_a_history() -> None:
    frames: list[dict[str, object]] = [
        {"t": "res", "ok": True, "id": "x", "position": position(EVENTS, 1), "users": [], "streams": []},
        {"t": "ev", "roomID": "r", "pos": position(EVENTS, 2), "seq": 2},
        {"t": "ev", "roomID": "other", "pos": position(EVENTS, 9 % 4), "seq": 1},
        {"t": "skip", "roomID": "r", "from": 3, "to": 4, "pos": position(EVENTS, 4)},
        {"t": "ev", "roomID": "r", "pos": position(EVENTS, 2), "seq": 2},
    ]
    history = from_frames("ann", "r", frames)
    assert check([history], EVENTS) == []
    assert len(history.seen) == 3
