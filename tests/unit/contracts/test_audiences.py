"""Who may see an event follows from its type, in Python and in the SQL function."""

from pathlib import Path

import msgspec
import pytest

from parlour.contracts import events as ev
from parlour.contracts.audiences import audience_of_stored, function_sql

FUNCTION = Path(__file__).parents[3] / "migrations" / "sql" / "functions" / "audience_of.sql"


def test_the_function_has_every_type() -> None:
    advice = (
        "an event type came or went: write the file by python -m parlour.contracts.audiences and load it in a migration"
    )
    assert FUNCTION.read_text() == function_sql(), advice


@pytest.mark.parametrize("kind", ev.ALL, ids=lambda kind: kind.TAG)
def test_a_stored_event_has_its_type_s_audience(kind: type[ev.Event]) -> None:
    data = msgspec.Raw(b'{"to":["b2c3"]}')
    assert audience_of_stored(kind.TAG, data) == kind.AUDIENCE


def test_a_command_that_names_nobody_is_for_the_room() -> None:
    for data in (b'{"to":[]}', b"{}"):
        assert audience_of_stored("im.command_sent.v1", msgspec.Raw(data)) == ev.Audience.MEMBERS


def test_what_nobody_knows_is_for_auditors() -> None:
    assert audience_of_stored("room.test.v1", msgspec.Raw(b"{}")) == ev.Audience.AUDIT
