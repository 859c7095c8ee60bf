"""Writes the dashboards: `python deploy/observability/generator FOLDER`, as `make docs` does."""

import sys
from pathlib import Path

import calls
import overview
import record
import relay
from grafana_foundation_sdk.cog.encoder import JSONEncoder

DASHBOARDS = {"overview": overview, "calls": calls, "record": record, "relay": relay}


def write(folder: Path) -> None:
    """Writes each dashboard as `<name>.json`."""
    encoder = JSONEncoder(indent=2, sort_keys=True)
    for name, module in DASHBOARDS.items():
        (folder / f"{name}.json").write_text(encoder.encode(module.build().build()) + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
