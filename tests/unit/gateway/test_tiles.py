"""Paths of tiles as C2SP's tlog-tiles writes them."""

import pytest

from parlour.contracts.proofs import TileQuery
from parlour.gateway.domain.tile_paths import parse, spell


def test_the_published_example() -> None:
    assert spell(1234067) == "x001/x234/067"
    assert parse("0/x001/x234/067") == TileQuery(0, 1234067, 256)


def test_full_and_partial_tiles_and_entries() -> None:
    assert parse("0/000") == TileQuery(0, 0, 256)
    assert parse("1/005.p/17") == TileQuery(1, 5, 17)
    assert parse("entries/x001/000.p/1") == TileQuery(0, 1000, 1, entries=True)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "0",
        "0/0",
        "0/00",
        "64/000",
        "00/000",
        "0/x000/001",
        "0/001/x002",
        "0/000.p/0",
        "0/000.p/256",
        "a/000",
        "0/000.p/x",
    ],
)
def test_what_is_no_tile(path: str) -> None:
    assert parse(path) is None


@pytest.mark.parametrize("index", [0, 999, 1000, 999_999, 1_000_000, 123_456_789_012])
def test_each_index_has_one_path(index: int) -> None:
    assert parse(f"0/{spell(index)}") == TileQuery(0, index, 256)
