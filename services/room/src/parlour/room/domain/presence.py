"""Which sessions have gone silent: a machine without I/O.

Gateways publish every second which sessions are connected to them, registries which are present by their media (with no room: in
whichever). `handle_*(…, now)` takes in what was heard, `poll(now)` returns what follows. `now` is monotonic seconds. Rules:
1. Time counts only while we can hear. Our own heartbeat, sent and received as theirs are, proves it: the time between two of our heartbeats
   is heard time if they are at most `HEARTBEAT_GAP_S` apart; otherwise it is not the sessions' fault and counts against nobody.
2. A session is suspended when it was in no heartbeat for `grace_s` of heard time, and we have heard for `grace_s` without a gap: after our
   own start, a lost connection or a stall every session has a full grace to be heard again.
3. A suspended session that is heard is resumed.
4. Each change is returned once, until `handle_suspended`, `handle_resumed` or `retry` is called for the session.
"""

from collections.abc import Iterable

import msgspec

HEARTBEAT_GAP_S = 3.0
"""Three intervals of our heartbeats: one may be lost and one late."""


class SessionKey(msgspec.Struct, frozen=True):
    """One session in one room."""

    app: int
    room: str
    session_id: str


class SilentSession(msgspec.Struct, frozen=True):
    """A session to suspend, and for how many seconds of heard time it was silent."""

    key: SessionKey
    silent_s: float


class PresenceChanges(msgspec.Struct, frozen=True):
    """The sessions to suspend and to resume."""

    suspend: tuple[SilentSession, ...]
    resume: tuple[SessionKey, ...]


class _TrackedSession:
    """`since` and `heard_at` are in heard time; `heard_at` None: this process never heard the session."""

    __slots__ = ("heard_at", "requested", "since", "suspended")

    def __init__(self, since: float, suspended: bool) -> None:
        self.since = since
        self.heard_at: float | None = None
        self.suspended = suspended
        self.requested = False

    @property
    def last(self) -> float:
        return self.since if self.heard_at is None else self.heard_at


class PresenceTracker:
    """The sessions of all rooms, each with when it was last heard."""

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._tracked: dict[SessionKey, _TrackedSession] = {}
        self._by_session: dict[tuple[int, str], set[SessionKey]] = {}
        self._heard_s = 0.0
        self._hearing_since = 0.0
        self._own_heartbeat_at: float | None = None

    def __len__(self) -> int:
        return len(self._tracked)

    def handle_own_heartbeat(self, now: float) -> None:
        """Our own heartbeat arrived: we can hear."""
        if self._own_heartbeat_at is not None and now - self._own_heartbeat_at <= HEARTBEAT_GAP_S:
            self._heard_s += now - self._own_heartbeat_at
        else:
            self._hearing_since = self._heard_s
        self._own_heartbeat_at = now

    def handle_gap(self) -> None:
        """Messages were certainly missed: the time until our next heartbeat does not count."""
        self._own_heartbeat_at = None

    def handle_heartbeats(self, keys: Iterable[SessionKey]) -> None:
        """These sessions were in a heartbeat."""
        for key in keys:
            for each in (key,) if key.room else self._by_session.get((key.app, key.session_id), ()):
                tracked = self._tracked.get(each)
                if tracked is not None:
                    tracked.heard_at = self._heard_s

    def handle_joined(self, key: SessionKey, *, suspended: bool = False) -> None:
        """The session is in the room; one that is tracked already stays as it is."""
        if key not in self._tracked:
            self._tracked[key] = _TrackedSession(self._heard_s, suspended)
            self._by_session.setdefault((key.app, key.session_id), set()).add(key)

    def handle_suspended(self, key: SessionKey) -> None:
        """The session is suspended on the log."""
        self._set_suspended(key, suspended=True)

    def handle_resumed(self, key: SessionKey) -> None:
        """The session is connected on the log."""
        self._set_suspended(key, suspended=False)

    def handle_left(self, key: SessionKey) -> None:
        """The session is not in the room any more."""
        self._tracked.pop(key, None)
        rooms = self._by_session.get((key.app, key.session_id), set())
        rooms.discard(key)
        if not rooms:
            self._by_session.pop((key.app, key.session_id), None)

    def tracked_sessions(self) -> frozenset[SessionKey]:
        """All sessions that are tracked."""
        return frozenset(self._tracked)

    def poll(self, now: float) -> PresenceChanges:
        """Returns which sessions are to be suspended and resumed now (rule 4)."""
        resume = [key for key, tracked in self._tracked.items() if self._is_back(tracked)]
        suspend = [
            SilentSession(key, self._heard_s - tracked.last)
            for key, tracked in self._tracked.items()
            if self._is_silent(tracked, now)
        ]
        for key in (*resume, *(silent.key for silent in suspend)):
            self._tracked[key].requested = True
        return PresenceChanges(tuple(suspend), tuple(resume))

    def retry(self, key: SessionKey) -> None:
        """The change that `poll` returned for the session could not be made: it is returned again."""
        tracked = self._tracked.get(key)
        if tracked is not None:
            tracked.requested = False

    def is_hearing_steadily(self, now: float) -> bool:
        """Whether we have heard for a full grace without a gap, up to now."""
        hearing = self._own_heartbeat_at is not None and now - self._own_heartbeat_at <= HEARTBEAT_GAP_S
        return hearing and self._heard_s - self._hearing_since >= self._grace_s

    def is_connected(self, key: SessionKey) -> bool:
        """Whether the session was heard within the grace."""
        tracked = self._tracked.get(key)
        return tracked is not None and tracked.heard_at is not None and self._heard_s - tracked.heard_at < self._grace_s

    def silent_s(self, key: SessionKey) -> float | None:
        """Seconds of heard time since the session was last heard; None where this process never heard it."""
        tracked = self._tracked.get(key)
        return None if tracked is None or tracked.heard_at is None else self._heard_s - tracked.heard_at

    def _set_suspended(self, key: SessionKey, *, suspended: bool) -> None:
        tracked = self._tracked.get(key)
        if tracked is not None:
            tracked.suspended = suspended
            tracked.requested = False

    def _is_back(self, tracked: _TrackedSession) -> bool:
        fresh = tracked.heard_at is not None and self._heard_s - tracked.heard_at < self._grace_s
        return tracked.suspended and fresh and not tracked.requested

    def _is_silent(self, tracked: _TrackedSession, now: float) -> bool:
        quiet = self._heard_s - tracked.last >= self._grace_s
        return quiet and not tracked.suspended and not tracked.requested and self.is_hearing_steadily(now)
