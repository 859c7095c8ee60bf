"""The promises of GUARANTEES.md, and what shows that their tests can fail: `python -m parlour.testkit.guarantees [FAULT …]`.

Every test passes as things are. Then each runs in a process of its own with its fault planted there and in all that it starts, and must
fail by its own assertion: a suite that would not even start, or a test that cannot be found, proves nothing.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from .planted import plugin
from .planted.interpreter import VARIABLE, write_interpreter

ROW = re.compile(r"^\| (?P<promise>[^|]+) \| `(?P<fault>\w+)` \| (?P<test>\S+::\w+) \|$", re.MULTILINE)
START_S, EACH_S = 240, 60
"""What a run may take on a busy machine: the suite's start, and each test."""


class Guarantee(NamedTuple):
    """A row of the table."""

    promise: str
    fault: str
    test: str


def guarantees(page: str) -> list[Guarantee]:
    """The table's rows."""
    return [Guarantee(**match.groupdict()) for match in ROW.finditer(page)]


def outcomes(tests: Iterable[str], fault: str = "") -> dict[str, str]:
    """Runs tests; by function name `passed`, `skipped`, or how it failed. The fault is planted in them and in all that they start."""
    tests = list(tests)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        options = ["-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
        environment = {**os.environ, **_variables(fault, Path(folder))}
        if plugin.FAULT in environment:
            options += ["-p", plugin.__name__]
        command = [sys.executable, "-m", "pytest", *options, *tests]
        within_s = START_S + EACH_S * len(tests)
        subprocess.run(command, env=environment, capture_output=True, timeout=within_s, check=False)
        cases = ElementTree.parse(report).iter("testcase") if report.exists() else ()
        return {str(case.get("name")): _outcome(case) for case in cases}


def _variables(fault: str, folder: Path) -> dict[str, str]:
    """What plants the fault: its name, and the interpreter of the testkit."""
    return {plugin.FAULT: fault, VARIABLE: str(write_interpreter(folder, fault))} if fault else {}


def _outcome(case: ElementTree.Element) -> str:
    for kind in ("failure", "error", "skipped"):
        found = case.find(kind)
        if found is not None:
            said = str(found.get("message", "")).splitlines()
            return f"{kind}: {said[0] if said else ''}"
    return "passed"


def by_assertion(outcome: str) -> bool:
    """Whether a test failed since what it says is not so."""
    return outcome.startswith(("failure: AssertionError", "failure: assert"))


def main(arguments: list[str]) -> int:
    """Prints a line for each promise; the exit code tells whether all held and all could be broken."""
    known = guarantees(Path("GUARANTEES.md").read_text())
    options = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    options.add_argument("fault", nargs="*", help="only these; all of GUARANTEES.md where none is named")
    chosen: list[str] = options.parse_args(arguments).fault
    if unknown := set(chosen) - {row.fault for row in known}:
        options.error(f"GUARANTEES.md names no fault {', '.join(sorted(unknown))}")
    rows = [row for row in known if not chosen or row.fault in chosen]
    whole = outcomes(row.test for row in rows)
    bad = 0
    for row in rows:
        began, name = time.monotonic(), row.test.rpartition("::")[2]
        intact, broken = whole.get(name, "not run"), outcomes([row.test], row.fault).get(name, "not run")
        fine = intact == "passed" and by_assertion(broken)
        bad += not fine
        took = f"{time.monotonic() - began:.0f} s"
        sys.stdout.write(f"{'ok ' if fine else 'BAD'} {row.fault:20} {took:>5}  {row.promise}\n")
        if not fine:
            sys.stdout.write(f"    as it is: {intact}\n    broken: {broken}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{len(rows) - bad} of {len(rows)} promises hold, and fail when they are broken\n")
    return 1 if bad or not rows else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
