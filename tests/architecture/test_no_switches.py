"""Nothing that is shipped can switch a protection off: faults planted on purpose and test doubles live in the testkit."""

import re

import pytest
import sources

SHIPPED = {".py", ".ts", ".tsx", ".js", ".mjs", ".rs", ".yml", ".yaml", ".sh", ".html"}
"""Kinds of files that run, or say how something runs."""
TOPS = ("libs", "services", "deploy", "migrations")
TEST_PARTS = {"testkit", "test", "tests", "examples", "benches"}
"""Folders of a member that its packages leave out."""
SWITCH = re.compile(
    r"fail_?points?|fault_?injection|planted|sabotage|chaos|PARLOUR_TEST|PYTEST_"
    r"|(?:skip|disable|bypass|without|no)_(?:auth|authentication|authorization|verif\w*|check|checks|signature|limits?|throttl\w*)\b"
    r"|(?:verify|check|protect)\w*_(?:off|disabled)\b",
    re.IGNORECASE,
)
"""Words by which such a switch goes."""
TLS_OFF = re.compile(r"CERT_NONE|verify_?ssl\s*=\s*False|verify\s*=\s*False|rejectUnauthorized\s*:\s*false")

OWN_HEALTH = "libs/cli/src/parlour/cli/supervise/probes.py"
"""Asks the supervisor's own gateway for its health by address, whatever name its certificate has; nothing secret is sent."""


def shipped() -> dict[str, str]:
    """The text of each file of a shipped package, of the deployment and of the image, by its name."""
    found: dict[str, str] = {}
    for path in sources.tracked():
        parts = path.relative_to(sources.ROOT).parts
        shipped = parts[0] in TOPS or parts == ("docker-compose.yml",)
        if shipped and path.suffix in SHIPPED and not TEST_PARTS & set(parts):
            found[sources.shown(path)] = path.read_text()
    return found


def switches(text: str) -> list[str]:
    """Each line that reads like a switch of a protection, with its number."""
    lines = enumerate(text.splitlines(), 1)
    return [f"{number}: {line.strip()}" for number, line in lines if SWITCH.search(line) or TLS_OFF.search(line)]


def test_nothing_shipped_switches_a_protection_off() -> None:
    files = shipped()
    assert len(files) > 300, "the search finds what is shipped"
    found = [f"{name}:{line}" for name, text in files.items() if name != OWN_HEALTH for line in switches(text)]
    assert not found, "\n".join(found)
    assert len(switches(files[OWN_HEALTH])) == 1, "the one exception is still what it was"


@pytest.mark.parametrize(
    "line",
    [
        "_DROPS = failpoints.planted(failpoints.DROPPED_DELIVERY)",
        'SHARED = ("PARLOUR_LOG_LEVEL", "PARLOUR_FAILPOINT")',
        "skip_auth: bool = False",
        'if os.environ.get("PYTEST_CURRENT_TEST"):',
        "context.verify_mode = ssl.CERT_NONE",
        "const agent = new Agent({ rejectUnauthorized: false });",
    ],
)
def test_a_switch_is_found(line: str) -> None:
    assert switches(line)
