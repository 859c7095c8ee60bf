"""What a result must say about the machine it was measured on, and where results go."""

import json
import platform
import re
import statistics
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from parlour.cli.supervise.checkout import ROOT

RESULTS = ROOT / "bench" / "results"


def facts() -> dict[str, Any]:
    """Returns processor, cores, kernel and commit of this measurement."""
    model = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    cores = Path("/proc/cpuinfo").read_text().count("processor\t")
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": model[1] if model else platform.processor(),
        "cores": cores,
        "kernel": platform.release(),
        "commit": commit.stdout.strip(),
    }


def percentiles(samples: list[float]) -> dict[str, float]:
    """Returns the 50th and 99th percentile and the number of samples."""
    ordered = sorted(samples)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return {"p50": round(statistics.median(ordered), 3), "p99": round(p99, 3), "n": len(ordered)}


def keep(name: str, result: dict[str, Any]) -> Path:
    """Writes `bench/results/NAME.json`."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"machine": facts(), **result}, indent=2) + "\n")
    return path
