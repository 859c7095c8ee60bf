"""Months of calls, and when they are due to be dropped.

Rules: 1. A month has its partition's name, `2026_08`; `default` holds events of months that had no partition. 2. Calls that ended before
the month that lies `keep_months` before the present one are due. 3. No month that begins at or after that time has due calls.
"""

import re
from datetime import UTC, datetime

DEFAULT = "default"
_NAME = re.compile(r"(\d{4})_(\d{2})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def due_before(now_us: int, keep_months: int) -> int:
    """Returns the time of rule 2. Both times are unix microseconds."""
    now = datetime.fromtimestamp(now_us / 1e6, UTC)
    months = max(0, now.year * 12 + now.month - 1 - keep_months)
    return _microseconds(datetime(max(1, months // 12), months % 12 + 1, 1, tzinfo=UTC))


def may_be_due(month: str, before_us: int) -> bool:
    """Returns whether a month may have calls that ended before `before_us` (rule 3)."""
    found = _NAME.fullmatch(month)
    if found is None:
        return month == DEFAULT
    return _microseconds(datetime(int(found[1]), int(found[2]), 1, tzinfo=UTC)) < before_us


def month_label(month: str) -> str:
    """Returns a month as people write it: `2026-08`."""
    return month.replace("_", "-")


def file_name(month: str, number: int) -> str:
    """Returns the name of a month's archive number 1, 2, …; a file that was not finished is overwritten under its name."""
    return f"parlour-{month_label(month)}.{number}.jsonl"


def _microseconds(moment: datetime) -> int:
    return int((moment - _EPOCH).total_seconds()) * 1_000_000
