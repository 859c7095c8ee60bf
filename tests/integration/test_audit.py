"""Exports of a real record: a changed, removed, swapped or truncated event in Postgres is named by the export and by parlour.verify."""

from collections.abc import AsyncIterator, Callable

import pytest

from parlour.cli.operator.connection import send_query
from parlour.contracts import proofs as contract
from parlour.kernel.rejection import Rejection
from parlour.testkit.harness.auditor import Auditor, running_auditor
from parlour.testkit.units import new_log
from parlour.verify.verdict import TextCounts

Environment = Callable[[str], dict[str, str]]


@pytest.fixture
async def auditor(postgres: str, environment: Environment) -> AsyncIterator[Auditor]:
    async with running_auditor(postgres, environment("record"), environment("cli")) as made:
        yield made


async def test_an_untouched_room_passes_both(auditor: Auditor) -> None:
    key = await auditor.room()
    exported = await auditor.exported(key)
    verdict = await auditor.verdict(exported)
    assert (verdict.ok, verdict.events, verdict.signed, verdict.room) == (True, 8, 8, key.room)
    assert b"text 3" in exported
    assert await auditor.in_sql(key) == (True, None)


async def test_each_word_and_user_id_that_is_shown_is_checked(auditor: Auditor) -> None:
    exported = await auditor.exported(await auditor.call())
    verdict = await auditor.verdict(exported)
    assert (verdict.texts, verdict.whole) == (TextCounts(checked=8), True)
    assert (exported.count(b'"user":"ann"'), exported.count(b'"user":"bob"')) == (2, 5)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (b'"for Ann alone"', b'"forged"', 'text is shown as "forged", which is not what was recorded'),
        (b'"Bob"', b'"the CEO"', 'userName is shown as "the CEO", which is not what was recorded'),
        (b'"user":"bob"', b'"user":"ceo"', 'user is shown as "ceo", who joined as "bob"'),
    ],
    ids=["message", "name", "user-id"],
)
async def test_words_and_names_that_are_forged_in_the_file_are_named(
    auditor: Auditor, old: bytes, new: bytes, problem: str
) -> None:
    exported = await auditor.exported(await auditor.call())
    assert old in exported
    verdict = await auditor.verdict(exported.replace(old, new))
    assert (verdict.ok, problem in verdict.problem) == (False, True), verdict


async def test_with_the_key_goes_what_words_are_checked_with(auditor: Auditor) -> None:
    key = await auditor.call()
    await auditor.erased(key.app, "bob")
    after = await auditor.exported(key)
    verdict = await auditor.verdict(after)
    assert (verdict.texts, verdict.whole) == (TextCounts(checked=2, withheld=6), True)
    assert after.count(b'"salts"') == 1  # where Ann joined
    assert b"for Ann alone" not in after
    assert await auditor.in_sql(key) == (True, None)


async def test_after_an_erasure_both_pass_and_the_person_is_gone(auditor: Auditor) -> None:
    key = await auditor.room(user="zoe")
    await auditor.erased(key.app, "zoe")
    exported = await auditor.exported(key)
    assert (await auditor.verdict(exported)).ok
    assert b"text 3" not in exported
    assert b"zoe" not in exported
    assert await auditor.in_sql(key) == (True, None)


@pytest.mark.parametrize(
    ("tampering", "seq"),
    [
        ("UPDATE parlour.event SET env = overlay(env placing 'x'::bytea from 200) WHERE room_uid = $1 AND seq = 4", 4),
        ("UPDATE parlour.event SET appended_at = appended_at + 1 WHERE room_uid = $1 AND seq = 8", 8),
        ("DELETE FROM parlour.event WHERE room_uid = $1 AND seq = 3", 3),
        ("DELETE FROM parlour.event WHERE room_uid = $1 AND seq > 5", 6),
        (
            "UPDATE parlour.event e SET env = o.env FROM parlour.event o WHERE e.room_uid = $1 AND o.room_uid = $1 "
            "AND e.seq IN (5, 6) AND o.seq = 11 - e.seq", 5,
        ),
        (
            "WITH cut AS (DELETE FROM parlour.event WHERE room_uid = $1 AND seq > 5) UPDATE parlour.log SET seq = 5, hash = "
            "(SELECT hash FROM parlour.event WHERE room_uid = $1 AND seq = 5) WHERE uid = $1", None,
        ),
        ("UPDATE parlour.event SET prev = hash WHERE room_uid = $1 AND seq = 7", 7),
    ],
    ids=["changed", "time", "removed", "truncated", "swapped", "truncated-with-its-head", "cites-another"],
)  # fmt: skip
async def test_what_a_superuser_does_is_named_by_both(auditor: Auditor, tampering: str, seq: int | None) -> None:
    key = await auditor.room()
    await auditor.signed(key)
    await auditor.owner.execute(tampering, key.uid)
    verdict = await auditor.verdict(await auditor.exported(key, wait_s=0))
    ok, broken = await auditor.in_sql(key)
    assert (verdict.ok, ok) == (False, False)
    # where the head was cut off too, each names an end of what is missing
    assert (verdict.seq, broken) == ((seq, seq) if seq else (6, 8))


async def test_who_exported_is_on_record(auditor: Auditor) -> None:
    key = await auditor.room()
    await auditor.exported(key)
    taken = (await send_query(auditor.bus, "exports", contract.ExportsQuery(str(key.uid)), contract.Exports)).exports
    assert [(one.by, one.room) for one in taken] == [("an auditor", key.room)]


async def test_a_long_room_comes_in_pages(auditor: Auditor) -> None:
    key = await auditor.room(events=1300)
    verdict = await auditor.verdict(await auditor.exported(key))
    assert (verdict.ok, verdict.signed) == (True, 1300)


async def test_a_log_that_never_was(auditor: Auditor) -> None:
    with pytest.raises(Rejection, match="no such log"):
        await auditor.exported(new_log())
    with pytest.raises(Rejection, match="no such log"):
        await send_query(auditor.bus, "stored", contract.StoredQuery("latest"), contract.StoredPage)
