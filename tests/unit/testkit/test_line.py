"""The impaired line without a network: each packet's fate is the seed's, order and counts are kept."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour.testkit.network.line import BACKLOG, Impairment, Line

ROUGH = Impairment(loss=0.05, delay_ms=40, jitter_ms=10, reorder=0.02, duplicate=0.03)


def carried(how: Impairment, seed: int, count: int, at: Callable[[int], float]) -> list[tuple[float, int]]:
    """(arrival, number) of all that comes through when packet n is sent at `at(n)`."""
    line, out = Line(how, seed), list[tuple[float, int]]()

    def drain(until: float) -> None:
        while (due := line.poll_timeout()) is not None and due <= until:
            packet = line.poll_packet(due)
            assert packet is not None
            out.append((due, int.from_bytes(packet)))

    for number in range(count):
        drain(at(number))
        line.handle_packet(number.to_bytes(4), at(number))
    drain(at(count) + 3600)
    return out


def every_ms(number: int) -> float:
    return number / 1000


def test_the_same_seed_tells_the_same_story() -> None:
    assert carried(ROUGH, 7, 2000, every_ms) == carried(ROUGH, 7, 2000, every_ms)
    assert carried(ROUGH, 7, 2000, every_ms) != carried(ROUGH, 8, 2000, every_ms)


def test_fate_does_not_hang_on_the_times_of_sending() -> None:
    slow = sorted(number for _, number in carried(ROUGH, 7, 2000, lambda number: number / 10))
    assert slow == sorted(number for _, number in carried(ROUGH, 7, 2000, every_ms))


def test_shares_are_kept() -> None:
    line = Line(ROUGH, 1)
    for number in range(10_000):
        line.handle_packet(b"", number / 1000)
    assert line.counted["lost"] == pytest.approx(500, rel=0.2)
    assert line.counted["duplicated"] == pytest.approx(0.95 * 300, rel=0.25)
    assert line.counted["reordered"] == pytest.approx(0.95 * 200, rel=0.25)


def test_each_packet_takes_the_delay_and_at_most_the_jitter() -> None:
    waits = [at - number / 1000 for at, number in carried(Impairment(delay_ms=40, jitter_ms=10), 3, 1000, every_ms)]
    assert len(waits) == 1000
    assert all(0.030 - 1e-9 <= wait <= 0.050 + 1e-9 for wait in waits)
    assert max(waits) - min(waits) > 0.010


@given(st.integers(0, 2**32), st.floats(0, 1), st.floats(0, 1))
def test_without_jitter_order_is_kept(seed: int, loss: float, duplicate: float) -> None:
    how = Impairment(loss=loss, delay_ms=40, duplicate=duplicate)
    numbers = [number for _, number in carried(how, seed, 100, every_ms)]
    assert numbers == sorted(numbers)


def test_a_packet_that_goes_first_overtakes_those_that_wait() -> None:
    numbers = [number for _, number in carried(Impairment(delay_ms=40, reorder=0.1), 3, 100, every_ms)]
    assert sorted(numbers) == list(range(100))
    assert numbers != sorted(numbers)


def test_a_full_line_drops() -> None:
    line = Line(Impairment(delay_ms=1000), 1)
    for _ in range(BACKLOG + 10):
        line.handle_packet(b"", 0.0)
    assert line.counted["overflowed"] == 10


@pytest.mark.parametrize("wrong", [{"loss": 1.1}, {"duplicate": -0.1}, {"delay_ms": 5, "jitter_ms": 6}])
def test_what_no_line_can_do_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"shares|jitter"):
        Impairment(**wrong)
