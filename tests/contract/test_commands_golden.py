"""One golden file per command: services of two versions talk to each other while one replaces the other.

A new command writes its file by `PARLOUR_WRITE_GOLDEN=1`; an existing file is never written again.
"""

import os
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from parlour.contracts import commands

GOLDEN = Path(__file__).parent / "golden" / "commands"
KINDS: tuple[type[commands.Command], ...] = get_args(commands.AnyCommand)
ID = "0190a1b2-0000-7000-8000-000000000001"


def _sample(kind: type[commands.Command]) -> commands.Request:
    values = {
        "Media": commands.MediaSections("0", "1"),
        "int": 7,
        "bool": True,
        "tuple": ("bob",),
    }
    kinds = {field.name: str(field.type) for field in msgspec.structs.fields(kind)}
    chosen = {n: next((v for k, v in values.items() if k in type_), f"{n}-1") for n, type_ in kinds.items()}
    caller = commands.Caller("ann", "s-1", "actor-1")
    return commands.Request(ID, caller, kind(**chosen), 3)  # pyright: ignore[reportArgumentType]


def _tag(kind: type[commands.Command]) -> str:
    return str(kind.__struct_config__.tag)


@pytest.mark.parametrize("kind", KINDS, ids=_tag)
def test_a_command_is_read_by_the_next_version(kind: type[commands.Command]) -> None:
    path = GOLDEN / f"{_tag(kind)}.json"
    if os.environ.get("PARLOUR_WRITE_GOLDEN") and not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(msgspec.json.encode(_sample(kind)))
    stored = path.read_bytes()
    assert msgspec.json.decode(stored, type=commands.Request) == _sample(kind)


@pytest.mark.parametrize("kind", KINDS, ids=_tag)
def test_a_verb_is_one_subject_token(kind: type[commands.Command]) -> None:
    service, dot, verb = _tag(kind).partition(".")
    assert dot
    assert service in {"auth", "room", "registry", "im", "record"}
    assert verb.replace("_", "").isalpha()
    assert kind.__doc__, "it says what it asks for"
