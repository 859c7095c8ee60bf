"""Keeps each log below a bound while its process goes on writing."""

import shutil
from pathlib import Path

LONGEST_BYTES = 16 << 20
"""Per log, and once more for the one before: two hours of a busy service, and never a full disk."""


def trim(folder: Path, longest_bytes: int = LONGEST_BYTES) -> None:
    """Move what is too long to `<log>.1`. The writers append, so the emptied file goes on from its start."""
    for log in folder.glob("*.log"):
        if log.stat().st_size > longest_bytes:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            with open(log, "r+b") as stream:
                stream.truncate(0)
