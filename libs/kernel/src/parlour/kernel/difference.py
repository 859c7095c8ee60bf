"""The difference between two states of one call."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from parlour.contracts.history import StateDifference
from parlour.contracts.queries import RoomState, StreamState

R = TypeVar("R")


def difference(before: RoomState, after: RoomState) -> StateDifference:
    """Returns what changed from `before` to `after`, which may be the earlier one. A stream of which only the players changed is left
    out.
    """
    came, went, changed = _compared(before.users, after.users, lambda user: user.session_id)
    added, removed, altered = _compared(  # one that was removed and added again counts as another one
        _bare(before.streams), _bare(after.streams), lambda stream: (stream.stream_id, stream.added_seq)
    )
    plays_before, plays_after = _plays(before), _plays(after)
    return StateDifference(
        after.room_uid, before.seq, after.seq, before.at, after.at, after.open and not before.open, before.open and not after.open,
        came, went, changed, added, removed, altered, tuple(sorted(plays_after - plays_before)), tuple(sorted(plays_before - plays_after)),
        tuple(extra for extra in after.extra_info if extra not in before.extra_info), after.messages - before.messages,
    )  # fmt: skip


def _compared(
    before: Iterable[R], after: Iterable[R], key: Callable[[R], object]
) -> tuple[tuple[R, ...], tuple[R, ...], tuple[R, ...]]:
    """What came, what went, and what is there in both but not the same."""
    old = {key(one): one for one in before}
    new = {key(one): one for one in after}
    came = tuple(one for name, one in new.items() if name not in old)
    went = tuple(one for name, one in old.items() if name not in new)
    return came, went, tuple(one for name, one in new.items() if name in old and old[name] != one)


def _bare(streams: Iterable[StreamState]) -> Iterable[StreamState]:
    return (msgspec.structs.replace(stream, players=()) for stream in streams)


def _plays(state: RoomState) -> set[tuple[str, str]]:
    return {(stream.stream_id, player) for stream in state.streams for player in stream.players}
