"""What `make faults` leaves behind: `bench/results/faults.json`, one entry for each series, with the seed and the commit."""

import json
import os
import random
from typing import Any

from parlour.cli.supervise.checkout import ROOT

from ..benchmarks.machine import facts

ALL = os.environ.get("PARLOUR_FAULTS") == "all"
SEED = int(os.environ.get("PARLOUR_FAULTS_SEED") or (random.SystemRandom().randrange(1 << 32) if ALL else 1))
"""The short form plays the same faults each time, so that a failure there tells of a change; the long one draws new ones."""
PATH = ROOT / "bench" / "results" / "faults.json"


def note(name: str, result: dict[str, Any]) -> None:
    """Keeps a series' result where all of them are run; prints it always."""
    print(name, json.dumps(result))
    if not ALL:
        return
    kept: dict[str, Any] = json.loads(PATH.read_text()) if PATH.exists() else {}
    PATH.write_text(json.dumps({**kept, "machine": facts(), name: {"machine": facts(), **result}}, indent=2) + "\n")
