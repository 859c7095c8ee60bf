"""`state?at=`: a position, an event's number or a time, and the same time wherever the gateway stands."""

import time
from collections.abc import Iterator

import pytest

from parlour.contracts.queries import SnapshotQuery
from parlour.gateway.api.events_http import snapshot_query
from parlour.kernel.rejection import Rejection

CALL = "01980000-0000-7000-8000-000000000001"
NOON = 1_772_366_400_000_000
"""2026-03-01T12:00:00Z."""


@pytest.fixture(params=["UTC", "Asia/Tokyo", "America/New_York"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize(
    "text", ["2026-03-01T12:00:00", "2026-03-01T12:00:00Z", "2026-03-01T21:00:00+09:00", str(NOON)]
)
def test_a_time_without_a_zone_is_utc_everywhere(text: str) -> None:
    assert snapshot_query(text, "") == SnapshotQuery(at=NOON)


def test_a_position_is_asked_for_with_its_hash() -> None:
    at, least = f"{CALL}.5.{'a' * 16}", f"{CALL}.7.{'b' * 16}"
    assert snapshot_query(at, least) == SnapshotQuery(CALL, seq=5, min_seq=7, hash8="a" * 16, min_hash8="b" * 16)
    assert snapshot_query("12", least) == SnapshotQuery(CALL, seq=12, min_seq=7, min_hash8="b" * 16)


@pytest.mark.parametrize("text", ["noon", "-1", CALL, f"{CALL}.x.y"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises((Rejection, ValueError)):
        snapshot_query(text, "")
