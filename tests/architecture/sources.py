"""The checkout's own sources, found through git so that builds and environments stay out of sight."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PURE_LIBRARIES = ("contracts", "kernel")
SERVICES = ("auth", "room", "registry", "relay", "im", "record", "gateway")


@cache
def tracked() -> tuple[Path, ...]:
    """Each file that is committed or would be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    return tuple(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def python_files(*folders: str) -> list[Path]:
    """Python sources below these folders of the checkout (all of it when none is named)."""
    tops = [ROOT / folder for folder in folders] or [ROOT]
    return [path for path in tracked() if path.suffix == ".py" and any(path.is_relative_to(top) for top in tops)]


def production() -> list[Path]:
    """Python sources that run in production, by their place in a member."""
    return [path for path in python_files("libs", "services") if "src" in path.parts and "testkit" not in path.parts]


@cache
def tree(path: Path) -> ast.Module:
    """A parsed source."""
    return ast.parse(path.read_text(), str(path))


def imported(path: Path) -> set[str]:
    """Full names of the modules that a source imports from outside its package."""
    names = set[str]()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def member_parts(path: Path) -> tuple[str, ...]:
    """`libs/x/src/parlour/room/domain/state.py` → `("room", "domain", "state.py")`."""
    parts = path.relative_to(ROOT).parts
    return parts[parts.index("src") + 2 :]


def is_pure(path: Path) -> bool:
    """Whether the house's rules keep this source from time, chance and the outside world."""
    parts = member_parts(path)
    return parts[0] in PURE_LIBRARIES or (parts[0] in SERVICES and parts[1] == "domain")


def shown(path: Path) -> str:
    """A path for a message."""
    return str(path.relative_to(ROOT))
