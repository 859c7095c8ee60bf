"""Starts the service as `python -m parlour.record`."""

from parlour.runtime.process.run import run

from .settings import RecordSettings
from .wiring import build

if __name__ == "__main__":
    run(build, RecordSettings, "record")
