"""Wheels of ours in an environment of their own, as somebody without the checkout has them; no network is used.

The environment holds the wheels, and of the packages of the running environment those that the wheels declare, with what these declare
in turn. A module that is imported and not declared is therefore missing there.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from email.message import Message
from email.parser import BytesParser
from importlib import metadata
from pathlib import Path
from zipfile import ZipFile

from parlour.cli.supervise.checkout import ROOT

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)\s*(?:\[([^\]]*)\])?[^;]*(?:;(.*))?")
_EXTRA = re.compile(r"extra == ['\"]([^'\"]+)['\"]")


def build_wheels(names: Iterable[str], folder: Path) -> None:
    """Builds the wheels of members, by their package names, into a folder."""
    for name in names:
        _uv("build", "--wheel", "--package", name, "--out-dir", folder)


def wheel_metadata(wheel: Path) -> Message:
    """Reads METADATA of a wheel."""
    with ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return BytesParser().parsebytes(archive.read(name))


def clean_environment(folder: Path, wheels: Iterable[Path]) -> Path:
    """Makes `folder` a virtual environment with these wheels and what they declare; returns its `bin`."""
    wheels = list(wheels)
    _uv("venv", "--python", sys.executable, folder)
    _uv("pip", "install", "--no-deps", "--python", folder / "bin" / "python", *wheels)
    site = next(folder.glob("lib/python*/site-packages"))
    ours = {str(wheel_metadata(wheel)["Name"]) for wheel in wheels}
    declared = [one for wheel in wheels for one in wheel_metadata(wheel).get_all("Requires-Dist", [])]
    for name in _closure(declared) - ours:
        _link(name, site)
    return folder / "bin"


def _closure(declared: Iterable[str]) -> set[str]:
    """The names of all packages that requirements lead to and that are installed here.

    Of a requirement for another platform or an older Python nothing is installed, so it adds nothing.
    """
    found: set[tuple[str, frozenset[str]]] = set()
    waiting = list(_wanted(declared, frozenset()))
    while waiting:
        name, extras = one = waiting.pop()
        if one in found:
            continue
        found.add(one)
        try:
            waiting += _wanted(metadata.requires(name) or (), extras)
        except metadata.PackageNotFoundError:
            found.discard(one)
    return {name for name, _ in found}


def _wanted(declared: Iterable[str], extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yields (name, extras) of each requirement; one of an extra only if that extra is among `extras`."""
    for one in declared:
        match = _REQUIREMENT.match(one)
        assert match is not None, one
        name, asked, marker = match.groups()
        needs = _EXTRA.search(marker or "")
        if needs is None or needs[1] in extras:
            normal = re.sub(r"[-_.]+", "-", name).lower()
            yield normal, frozenset(part.strip() for part in (asked or "").split(",") if part.strip())


def _link(name: str, site: Path) -> None:
    """Links each file of an installed package into another environment's site-packages; commands are left out."""
    distribution = metadata.distribution(name)
    for file in distribution.files or ():
        if ".." not in file.parts and "__pycache__" not in file.parts:
            target = site / file
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                target.symlink_to(Path(str(distribution.locate_file(file))))


def _uv(*arguments: str | Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    command = [sys.executable, "-m", "uv", *map(str, arguments), "--offline", "--quiet"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
