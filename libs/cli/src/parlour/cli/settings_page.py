"""The reference page of all settings, written from the services' own structs: `python -m parlour.cli.settings_page`.

The command starts services by name and imports none of them; here too their settings are found by name.
"""

import importlib
import sys
from collections.abc import Iterator

import msgspec

from parlour.runtime.secret_files import SUFFIX
from parlour.runtime.settings import BusSettings, RuntimeSettings, describe_bounds, variables

from .supervise.checkout import SERVICES

HEAD = """# Settings

Written from the services' settings by `make docs`. Each is a variable of the environment, read once when the process starts; all problems
are told together, and a variable of a service's prefix that names no setting is one of them. `make up` sets what services need of each
other; the shared ones may be given for one service alone as `PARLOUR_<SERVICE>_<NAME>`.

A secret may stand in a file instead, which `<variable>_FILE` names: a Kubernetes secret or a Docker secret as it is mounted. The end of its
last line does not count. Both variables at once, a file that is empty, and one that can't be read are problems.
"""
TABLE = "| variable | meaning | unit | bounds | default |\n|---|---|---|---|---|"


def page() -> str:
    """The shared settings, then each service's."""
    shared = set(RuntimeSettings.__struct_fields__)
    parts = [HEAD, "## All services\n", TABLE, *_rows(RuntimeSettings, shared), ""]
    for service in SERVICES:
        settings = settings_of(service)
        own = [name for name in settings.__struct_fields__ if name not in shared]
        parts += [f"## {service}\n", *((TABLE, *_rows(settings, set(own))) if own else ("None of its own.",)), ""]
    return "\n".join(parts)


def settings_of(service: str) -> type[BusSettings]:
    """Finds the settings struct of a service."""
    module = importlib.import_module(f"parlour.{service}.settings")
    found = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, BusSettings)]
    return next(kind for kind in found if service == kind.SERVICE)


def _rows(settings: type[BusSettings], names: set[str]) -> Iterator[str]:
    fields = msgspec.structs.fields(settings)
    for field, (variable, mark) in zip(fields, variables(settings), strict=True):
        if field.name in names:
            shown = f"`{variable}`, `{variable}{SUFFIX}`" if mark.secret else f"`{variable}`"
            yield f"| {shown} | {mark.sentence} | {mark.unit} | {describe_bounds(field.type)} | {_default(field)} |"


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "must be set"
    if field.default is msgspec.NODEFAULT:
        return "drawn"
    return f"`{field.default}`" if field.default not in ("", (), None) else "empty"


if __name__ == "__main__":
    sys.stdout.write(page())
