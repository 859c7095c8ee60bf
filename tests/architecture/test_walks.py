"""The walks of CONTRIBUTING: from the README's list of folders to a file and a function, which are there."""

import re

import pytest
from sources import ROOT, tracked

DEFINED = {
    ".py": r"^\s*(?:async )?def {}\(",
    ".rs": r"^\s*(?:pub(?:\([a-z]+\))? )?fn {}\b",
    ".sql": r"FUNCTION parlour\.{}\(",
}
"""How a language defines a function."""


def walks() -> list[list[str]]:
    """Each row of the table: what is looked for, and what stands in backticks in each of its three steps."""
    section = (ROOT / "CONTRIBUTING.md").read_text().partition("## Find your way")[2].partition("\n## ")[0]
    rows = [row.strip("|").split("|") for row in section.splitlines() if row.startswith("| what ")]
    return [[row[0].strip(), *(re.findall(r"`([^`]+)`", step)[0] for step in row[1:]), row[3]] for row in rows]


def folders_of_the_readme() -> set[str]:
    """The folders in the list at the README's end."""
    listed = (ROOT / "README.md").read_text().rpartition("```text\n")[2].partition("```")[0]
    return set(re.findall(r"(?:^|  )((?:libs|services)/[\w-]+|migrations/|examples/)", listed, re.MULTILINE))


@pytest.mark.parametrize("walk", walks(), ids=lambda walk: walk[0])
def test_a_walk_leads_there(walk: list[str]) -> None:
    _, folder, name, function, step = walk
    assert folder in folders_of_the_readme()
    assert name.startswith(folder.rstrip("/") + "/")
    file = ROOT / name
    text = file.read_text()
    assert re.search(DEFINED[file.suffix].format(function), text, re.MULTILINE), f"{name} defines no {function}"
    for also in re.findall(r"`([^`]+)`", step)[1:]:
        assert also in text


def test_all_four_are_walked() -> None:
    assert {walk[0] for walk in walks()} == {
        "what decides a kick", "what seals a user's name", "what rewrites an RTP header", "what assigns a sequence number"
    }  # fmt: skip


def test_the_readme_lists_every_folder() -> None:
    parts = {path.relative_to(ROOT).parts for path in tracked()}
    there = {f"{one[0]}/{one[1]}" for one in parts if one[0] in ("libs", "services") and len(one) > 2}
    assert folders_of_the_readme() == there | {"migrations/", "examples/"}
