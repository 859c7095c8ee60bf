"""Months, and when what lies in them is due.

Rules: 1. A month is called as its partition is, `2026_08`; `default` is where events of a month lie that had no partition. 2. What was over
before the beginning of the month that lies `keep_months` before the present one is due. 3. No month that begins at or after that moment has
anything that is due.
"""

import re
from datetime import UTC, datetime

DEFAULT = "default"
_NAME = re.compile(r"(\d{4})_(\d{2})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def due_before(now_us: int, keep_months: int) -> int:
    """Rule 2's moment, in unix microseconds."""
    now = datetime.fromtimestamp(now_us / 1e6, UTC)
    months = max(0, now.year * 12 + now.month - 1 - keep_months)
    return _microseconds(datetime(max(1, months // 12), months % 12 + 1, 1, tzinfo=UTC))


def may_be_due(month: str, before_us: int) -> bool:
    """Rule 3."""
    found = _NAME.fullmatch(month)
    if found is None:
        return month == DEFAULT
    return _microseconds(datetime(int(found[1]), int(found[2]), 1, tzinfo=UTC)) < before_us


def shown(month: str) -> str:
    """As people write it: `2026-08`."""
    return month.replace("_", "-")


def file_name(month: str, number: int) -> str:
    """Of the archive of this number (1, 2, …) of a month. The same one again takes the place of one that was not finished."""
    return f"parlour-{shown(month)}.{number}.jsonl"


def _microseconds(moment: datetime) -> int:
    return int((moment - _EPOCH).total_seconds()) * 1_000_000
