"""An interpreter that plants a fault before it runs what it was given, and hands itself on to the processes below.

`write_interpreter` makes two programs in a folder, `python` and `parlour`, which stand in for those of the environment.
"""

import os
import runpy
import stat
import sys
from pathlib import Path

from . import plant

VARIABLE = "PARLOUR_TESTKIT_INTERPRETER"
"""Where a test process finds the program `python` of its fault."""


def write_interpreter(folder: Path, fault: str) -> Path:
    """Writes both programs; returns the path of `python`."""
    python, parlour = folder / "python", folder / "parlour"
    start = f'exec "{sys.executable}" -m {__name__} {fault} "{python}"'
    _write_program(python, f'{start} "$@"')
    _write_program(parlour, f'{start} -c "from parlour.cli.main import main; main()" "$@"')
    return python


def _write_program(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def run(fault: str, interpreter: str, arguments: list[str]) -> None:
    """Plants the fault, then does what `python ARGUMENTS` would: `-m module …`, `-c code …` or `file …`."""
    plant(fault)
    sys.executable = interpreter
    os.environ[VARIABLE] = interpreter
    kind, *rest = arguments
    if kind == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.argv = ["-c", *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = arguments
        runpy.run_path(kind, run_name="__main__")


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], sys.argv[3:])
