"""What is committed says which package, never where from; and nothing of one machine."""

import re

import pytest
import sources

# Locks and manifests: no address at all, so no registry's either.
LOCKS = (
    "requirements.lock",
    "deploy/docker/requirements.lock",
    "libs/sdk-web/node.lock",
    "libs/sdk-web/package-lock.json",
    "libs/sdk-web/.npmrc",
    "Cargo.toml",
    "bench/relay/loadgen/go.sum",
)
MACHINE_PATHS = re.compile(r"(?<![\w./-])/(?:ro" + r"ot|wo" + r"rk|home/\w+)/")
BINARY = {".png", ".ico", ".woff2", ".bin", ".so", ".wasm", ".pcap"}


def texts() -> list[tuple[str, str]]:
    return [
        (sources.shown(path), path.read_text(errors="replace"))
        for path in sources.tracked()
        if path.suffix not in BINARY
    ]


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_holds_an_address(lock: str) -> None:
    found = re.findall(r"\w+://\S+|\"resolved\"|--(?:extra-)?index-url.*", (sources.ROOT / lock).read_text())
    assert not found, "\n".join(found)


def test_no_committed_file_names_a_path_of_one_machine() -> None:
    found = [f"{name}: {match[0]}" for name, text in texts() for match in MACHINE_PATHS.finditer(text)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("lock", ["requirements.lock", "deploy/docker/requirements.lock", "libs/sdk-web/node.lock"])
def test_python_locks_pin_versions_and_hashes(lock: str) -> None:
    entries = [
        line for line in (sources.ROOT / lock).read_text().splitlines() if line and not line.startswith((" ", "#"))
    ]
    assert entries
    assert all(re.match(r"^[a-z0-9._-]+(\[[a-z,]+\])?==\S+ ", entry) for entry in entries), entries
    assert (sources.ROOT / lock).read_text().count("--hash=sha256:") >= len(entries)


DEVELOPERS_ONLY = {"playwright", "pytest", "ruff", "basedpyright", "hypothesis", "maturin", "uv"}


def entries(lock: str) -> dict[str, str]:
    """Each package's lines, by its name."""
    found: dict[str, str] = {}
    name = ""
    for line in (sources.ROOT / lock).read_text().splitlines(keepends=True):
        if match := re.match(r"([a-z0-9._-]+)(\[[a-z,]+\])?==", line):
            name = match[1]
        found[name] = found.get(name, "") + line
    return found


def test_the_image_installs_the_same_versions_and_no_developer_s_tools() -> None:
    image, whole = entries("deploy/docker/requirements.lock"), entries("requirements.lock")
    assert {name: lines for name, lines in image.items() if whole.get(name) != lines} == {}
    assert not DEVELOPERS_ONLY & image.keys()
    assert {"fastapi", "nats-py", "asyncpg", "aiortc"} <= image.keys()


def test_the_lock_has_what_the_members_ask_for() -> None:
    import tomllib

    locked = {
        match[1]
        for match in re.finditer(r"^([a-z0-9._-]+)", (sources.ROOT / "requirements.lock").read_text(), re.MULTILINE)
    }
    missing: set[str] = set()
    for path in sources.tracked():
        if path.name == "pyproject.toml":
            for wanted in tomllib.loads(path.read_text())["project"].get("dependencies", []):
                name = re.match(r"[A-Za-z0-9._-]+", wanted)
                assert name
                if not name[0].startswith("parlour-") and name[0].lower().replace("_", "-") not in locked:
                    missing.add(f"{path.parent.name}: {name[0]}")
    assert not missing, f"{missing}; run: make lock"
