"""Runs of the simulated suite, each with its own faults; a wrong one names its seed, and `--seed N` tells it step by step."""

import os
import re
import subprocess
import sys

SEEDS = 3000 if os.environ.get("PARLOUR_FAULTS") == "all" else 300
WITHIN_S = 1200


def test_every_seed_is_right() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "parlour.testkit.simulation", "--seeds", f"0..{SEEDS}"],
        capture_output=True, text=True, timeout=WITHIN_S,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    assert re.search(rf"^{SEEDS} runs, .* 0 wrong", told.stdout, re.MULTILINE), told.stdout
