"""All packages have one version, the workspace's; `make version TO=…` writes it everywhere."""

import re
import tomllib
from typing import Any

import sources

OWN = re.compile(r"(parlour-[a-z-]+)(?:==(\S+))?")
SHIPPED = ("contracts", "kernel", "verify", "runtime", "sdk-python", "cli")
"""The members that `make packages` builds wheels of, by folder."""


def manifest(path: str) -> dict[str, Any]:
    return tomllib.loads((sources.ROOT / path).read_text())


VERSION = manifest("pyproject.toml")["project"]["version"]


def members() -> list[str]:
    return sorted(
        sources.shown(path)
        for path in sources.tracked()
        if path.name == "pyproject.toml" and path.parent != sources.ROOT
    )


def test_every_member_has_the_workspace_s_version() -> None:
    assert {manifest(path)["project"]["version"] for path in members()} == {VERSION}
    assert manifest("Cargo.toml")["workspace"]["package"]["version"] == VERSION


def test_what_is_shipped_asks_for_its_own_kin_of_the_same_version() -> None:
    """Two releases of ours in one environment are not tested, so an installer refuses them."""
    asked = [
        found
        for member in SHIPPED
        for one in manifest(f"libs/{member}/pyproject.toml")["project"]["dependencies"]
        if (found := OWN.fullmatch(one))
    ]
    assert len(asked) > len(SHIPPED)
    assert [one[0] for one in asked if one[2] != VERSION] == []


def test_what_is_shipped_carries_the_licence() -> None:
    licence = (sources.ROOT / "LICENSE").read_bytes()
    assert [member for member in SHIPPED if (sources.ROOT / "libs" / member / "LICENSE").read_bytes() != licence] == []
