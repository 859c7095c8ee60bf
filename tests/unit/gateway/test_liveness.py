"""A service that does not answer is shown as down, and never left out."""

from parlour.gateway.domain.service_status import EXPECTED, REMEMBERED_S, ServiceStatus, ServiceTracker


def answers(*names: str, replicas: int = 1) -> set[tuple[str, str]]:
    return {(name, f"{name}-{number}") for name in names for number in range(replicas)}


def down(found: tuple[ServiceStatus, ...]) -> set[str]:
    return {service.name for service in found if not service.healthy}


def test_what_is_expected_and_never_answered_is_down() -> None:
    found = ServiceTracker().judge(answers("gateway"), 0)
    assert tuple(service.name for service in found) == EXPECTED
    assert down(found) == set(EXPECTED) - {"gateway"}


def test_what_answered_once_stays_on_the_list() -> None:
    liveness = ServiceTracker()
    assert not down(liveness.judge(answers(*EXPECTED, "recorder"), 0))
    for now in (3, REMEMBERED_S * 3):
        assert down(liveness.judge(answers(*EXPECTED), now)) == {"recorder"}
    assert not down(liveness.judge(answers(*EXPECTED, "recorder"), REMEMBERED_S * 4))


def test_a_replica_that_falls_silent_is_missing_until_the_installation_counts_as_smaller() -> None:
    liveness = ServiceTracker()
    liveness.judge(answers(*EXPECTED, replicas=2), 0)
    one = answers(*EXPECTED, replicas=2) - {("room", "room-1")}
    for now, missing in ((3, 1), (REMEMBERED_S, 1), (REMEMBERED_S + 1, 0)):
        room = next(service for service in liveness.judge(one, now) if service.name == "room")
        assert (room.healthy, room.replicas, room.missing) == (True, 1, missing)


def test_a_replica_that_was_replaced_is_not_missing() -> None:
    liveness = ServiceTracker()
    liveness.judge(answers(*EXPECTED), 0)
    room = next(
        s for s in liveness.judge({*answers(*EXPECTED) - {("room", "room-0")}, ("room", "new")}, 3) if s.name == "room"
    )
    assert (room.replicas, room.missing) == (1, 0)


def test_waiting_ends_with_the_last_answer_that_is_expected() -> None:
    liveness = ServiceTracker()
    assert liveness.complete(answers(*EXPECTED))
    assert not liveness.complete(answers(*EXPECTED) - {("im", "im-0")})
    liveness.judge(answers(*EXPECTED, replicas=2), 0)
    assert not liveness.complete(answers(*EXPECTED))
    assert liveness.complete(answers(*EXPECTED, replicas=2))
