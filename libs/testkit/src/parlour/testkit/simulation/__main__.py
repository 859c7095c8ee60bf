"""`python -m parlour.testkit.simulation --seed N`: one run, told step by step. `--seeds A..B`: many, with their speed."""

import argparse
import os
import sys
import time

HASHES = "PYTHONHASHSEED"


def write(line: str) -> None:
    """To whoever watches."""
    sys.stdout.write(f"{line}\n")


def main() -> int:
    """0 where every run was right."""
    parser = argparse.ArgumentParser(prog="parlour.testkit.simulation")
    parser.add_argument("--seed", type=int, help="tell this run step by step")
    parser.add_argument("--seeds", default="0..100", help="runs from A up to, not including, B")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first wrong run")
    given = parser.parse_args()
    from .run import simulate

    if given.seed is not None:
        outcome = simulate(given.seed, write)
        write(str(outcome))
        return int(bool(outcome.violations))
    first, _, last = given.seeds.partition("..")
    began, runs, wrong, events = time.monotonic(), 0, 0, 0
    for seed in range(int(first), int(last)):
        outcome = simulate(seed)
        runs, events = runs + 1, events + outcome.events
        if outcome.violations:
            wrong += 1
            write("\n  ".join((f"seed {seed}:", *outcome.violations)))
            if not given.keep_going:
                break
    took = time.monotonic() - began
    write(f"{runs} runs, {events} events, {wrong} wrong, {took:.1f} s, {runs / took:.1f} runs/s")
    return int(bool(wrong))


if __name__ == "__main__":
    if os.environ.get(HASHES) != "0":  # sets of texts keep their order only then
        os.execve(
            sys.executable,
            [sys.executable, "-m", "parlour.testkit.simulation", *sys.argv[1:]],
            {**os.environ, HASHES: "0"},
        )
    sys.exit(main())
