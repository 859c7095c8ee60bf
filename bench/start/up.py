"""`parlour up` on a set-up checkout: seconds to ready on an empty state and on one with a history, beside Python's own start."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from parlour.cli.supervise.checkout import SERVICES
from parlour.testkit.benchmarks.machine import keep, percentiles
from parlour.testkit.suite import Suite

GOAL_S = 5.0


def seconds_up(suite: Suite) -> float:
    """From the command to its last line."""
    began = time.monotonic()
    suite.up()
    return time.monotonic() - began


def seconds_of_imports() -> float:
    """The floor: seven interpreters at once that load what the services load, and do nothing."""
    began = time.monotonic()
    loading = [subprocess.Popen([sys.executable, "-c", f"import parlour.{name}.wiring"]) for name in SERVICES]
    for process in loading:
        process.wait()
    return time.monotonic() - began


def main() -> None:
    """Rounds of: the floor, up on an empty state, down, up again, down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    floor, first, again = list[float](), list[float](), list[float]()
    for _ in range(rounds):
        floor.append(seconds_of_imports())
        with tempfile.TemporaryDirectory(prefix="parlour-bench-") as folder:
            Path(folder).chmod(0o711)
            suite = Suite(Path(folder) / "state")
            for times in (first, again):
                try:
                    times.append(seconds_up(suite))
                finally:
                    suite.down()
    result = {
        "goal_s": GOAL_S,
        "imports_s": percentiles(floor),
        "first_up_s": percentiles(first),
        "up_again_s": percentiles(again),
    }
    print(json.dumps(result, indent=2))
    print(f"kept in {keep('start_up', result)}")


if __name__ == "__main__":
    main()
