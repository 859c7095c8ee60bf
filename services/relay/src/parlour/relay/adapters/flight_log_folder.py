"""Flight logs as files: the first line says of what and why, each other line is a run of decisions."""

import time
from pathlib import Path

import msgspec

from parlour.contracts.relay import FlightLog
from parlour.contracts.subjects import encode_id
from parlour.runtime.telemetry.logging import logger

log = logger(__name__)


class FlightLogFolder:
    """Stores the newest `most` logs in a folder; none where the folder is empty text."""

    def __init__(self, folder: str, most: int) -> None:
        self._folder = Path(folder) if folder else None
        self._most = most

    def put(self, found: FlightLog) -> None:
        """Writes one file. A full disk costs the log, never the call."""
        if self._folder is None:
            return
        head = msgspec.structs.replace(found, runs=())
        name = f"{time.time_ns() // 1000}-{encode_id(found.transport_id)}-{found.reason}.jsonl"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / name).write_bytes(msgspec.json.Encoder().encode_lines([head, *found.runs]))
            for old in sorted(self._folder.glob("*.jsonl"))[: -self._most]:
                old.unlink(missing_ok=True)
        except OSError as problem:
            log.warning("flight_log_not_stored", error=repr(problem))
