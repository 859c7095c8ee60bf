"""Turns what a dead process wrote last into a sentence with the way out."""

import os
import shutil
from pathlib import Path
from typing import Any

import msgspec

LEAST_FREE_BYTES = 256 << 20
"""Postgres's first files and a few minutes of log; below it the start is refused rather than broken half way."""
SHOWN_LINES = 12
LONGEST_SHOWN = 300
TAIL_BYTES = 16_384

FREE_SOME = "Free some space, or name a folder on another disk in PARLOUR_STATE."
KNOWN = (
    ("no space left on device", f"the disk is full. {FREE_SOME}"),
    (
        "address already in use",
        "its port was taken by another program meanwhile. Run it again, or choose one with --port.",
    ),
    (
        "is not a setting of",
        "the environment has a PARLOUR_ variable that it does not know. Mend its name or unset it.",
    ),
    ("modulenotfounderror", "a package is missing from the environment. Run: make setup"),
    ("could not create shared memory", "the machine has no shared memory left. Give /dev/shm more than 128 MB."),
    ("permission denied", "a file is not readable to the account it runs as; the log names it."),
)
"""What a log may say, in small letters, and the way out."""


def tail(log: Path) -> str:
    """The end of a log, as far as it helps."""
    try:
        with open(log, "rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - TAIL_BYTES))
            return stream.read().decode(errors="replace")
    except OSError:
        return ""


def explain(name: str, log: Path) -> str:
    """Why a process did not come up, by its log."""
    said = tail(log)
    reason = next((way for mark, way in KNOWN if mark in said.lower()), "its log says more.")
    lines = "\n".join(f"    {readable(line)}" for line in said.strip().splitlines()[-SHOWN_LINES:])
    return f"{name} did not come up: {reason}\n  {log}\n{lines}"


def readable(line: str) -> str:
    """A line of a log for people: of a structured one the event and its error."""
    try:
        fields = msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError:
        return line[:LONGEST_SHOWN]
    told = [str(fields[name]) for name in ("level", "event", "error") if name in fields]
    return " ".join(told)[:LONGEST_SHOWN]


def disk_problem(folder: Path) -> str:
    """What is wrong with the disk below a folder; empty when nothing is."""
    free = shutil.disk_usage(folder).free
    if free >= LEAST_FREE_BYTES:
        return ""
    return f"the disk is full: {free >> 20} MB free at {folder}, {LEAST_FREE_BYTES >> 20} MB needed. {FREE_SOME}"
