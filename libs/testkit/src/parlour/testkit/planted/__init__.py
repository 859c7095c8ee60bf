"""Faults planted on purpose, each of which breaks one promise of GUARANTEES.md, so that the promise's test is seen to fail.

Nothing in a shipped package knows of them. A fault is a function without arguments, named as in GUARANTEES.md, that patches a shipped class
or function; it stands in a module of this package that `AREAS` names by area. `python -m parlour.testkit.guarantees NAME` runs the
promise's test with it: pytest loads `plugin`, which patches the test's own process and makes `sys.executable` and the `parlour` command
those of `interpreter`, so that every process which the test starts (the supervisor, the services, the verbs) is patched as well.

A new fault: a function in the module of its area (or a new module, added to `AREAS`) that imports what it patches inside the
function, so that a process loads only what its own fault needs, and a row in GUARANTEES.md.
"""

from collections.abc import Callable
from importlib import import_module
from inspect import getmembers, isfunction
from types import ModuleType

AREAS = ("auth", "gateway", "record", "room", "runtime")
"""The modules of this package that hold faults."""


def _faults_of(module: ModuleType) -> dict[str, Callable[[], None]]:
    found = getmembers(module, isfunction)
    return {name: fault for name, fault in found if fault.__module__ == module.__name__ and not name.startswith("_")}


def planted_faults() -> dict[str, Callable[[], None]]:
    """Every fault by the name that GUARANTEES.md gives it."""
    modules = [import_module(f"{__name__}.{area}") for area in AREAS]
    return {name: fault for module in modules for name, fault in _faults_of(module).items()}


def plant(name: str) -> None:
    """Patches this process. KeyError where no fault has the name."""
    planted_faults()[name]()
