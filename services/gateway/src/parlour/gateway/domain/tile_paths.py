"""Paths of tiles as C2SP's tlog-tiles spells them: `0/x001/x234/067`, and `.p/W` behind a tile that is not full."""

import re

from parlour.contracts.proofs import TileQuery

WIDTH = 256
_PATH = re.compile(r"(0|[1-9][0-9]?|entries)/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
_LEVEL_MOST = 63


def parse(path: str) -> TileQuery | None:
    """Returns the query for the tile that the path behind `/tile/` names; None for what is no tile's path."""
    found = _PATH.fullmatch(path)
    if not found:
        return None
    digits = found[2].replace("x", "").replace("/", "")
    width = int(found[3]) if found[3] else WIDTH
    entries = found[1] == "entries"
    level = 0 if entries else int(found[1])
    if level > _LEVEL_MOST or (found[3] and width >= WIDTH) or found[2] != spell(int(digits)):
        return None
    return TileQuery(level, int(digits), width, entries)


def spell(index: int) -> str:
    """Writes an index in groups of three digits, all but the last marked by x."""
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03}")
    return "/".join(reversed(groups))
