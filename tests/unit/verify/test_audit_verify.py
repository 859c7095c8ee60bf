"""An export or an archive that is whole passes; whatever is done to it is named, by the first event that it was done to."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from parlour.contracts.envelope import GENESIS, Envelope, chain_hash, encode_envelope
from parlour.contracts.proofs import Inclusion, head_entry
from parlour.kernel import merkle
from parlour.testkit.clock import uuid7
from parlour.verify.layout import ARCHIVE, KIND, ArchiveEnd, ArchiveHeader, End, Header, Line
from parlour.verify.notes import Checkpoint, PublicKey, SigningKey, sign_note
from parlour.verify.verdict import Verdict
from parlour.verify.verifier import verify_export

UID = "01980000-0000-7000-8000-000000000001"
KEY = SigningKey("test.example/record", Ed25519PrivateKey.from_private_bytes(bytes(32)))
OTHER = SigningKey("test.example/record", Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32))
EVENTS = 10


def encoded(line: msgspec.Struct) -> bytes:
    return msgspec.json.encode(line) + b"\n"


def chain(texts: list[str], uid: str = UID) -> list[Line]:
    made: list[Line] = []
    prev = GENESIS
    for seq, text in enumerate(texts, 1):
        env = encode_envelope(
            Envelope(uid, "im", 0, "im.broadcast_sent.v1", "a", "", "", "", msgspec.Raw(msgspec.json.encode(text)))
        )
        prev = chain_hash(prev, seq, seq * 1000, env)
        made.append(Line(seq, seq * 1000, env, prev))
    return made


def proof_of(head: Line, key: SigningKey = KEY, uid: str = UID) -> Inclusion:
    leaves = [merkle.leaf_hash(bytes([n])) for n in range(4)]
    leaves.append(merkle.leaf_hash(head_entry(UUID(uid), head.seq, head.hash)))
    edge = merkle.Edge()
    edge.extend(leaves)
    path = [
        merkle.hash_of(a, b, lambda run: leaves[run.first : run.first + run.count]) for a, b in merkle.inclusion(4, 5)
    ]
    note = sign_note(Checkpoint(key.public.name, 5, edge.root()).text(), (key,))
    return Inclusion(uid, head.seq, head.hash, 4, 5, tuple(path), note)


def header(proof: Inclusion | None, uid: str = UID) -> bytes:
    return encoded(Header(KIND, 77, "room", uid, 1, "auditor", proof))


def whole(count: int = EVENTS, uid: str = UID) -> list[bytes]:
    lines = chain([f"text {n}" for n in range(1, count + 1)], uid)
    return [header(proof_of(lines[-1], uid=uid), uid), *map(encoded, lines), encoded(End(count, lines[-1].hash))]


def checked(lines: list[bytes]) -> Verdict:
    return verify_export(lines, (KEY.public,))


def named(lines: list[bytes]) -> tuple[int, str]:
    verdict = checked(lines)
    assert not verdict.ok
    assert verdict.signed == 0
    return verdict.seq, verdict.problem


def test_an_untouched_export_passes() -> None:
    verdict = checked(whole())
    assert (verdict.ok, verdict.events, verdict.signed, verdict.origin) == (True, 10, 10, KEY.public.name)


def test_what_is_behind_the_signed_head_is_told_apart() -> None:
    lines = chain([f"text {n}" for n in range(1, 8)])
    verdict = checked([header(proof_of(lines[4])), *map(encoded, lines), encoded(End(7, lines[-1].hash))])
    assert (verdict.ok, verdict.events, verdict.signed) == (True, 7, 5)


def test_without_a_key_nothing_is_signed() -> None:
    verdict = verify_export(whole(), ())
    assert (verdict.ok, verdict.signed) == (True, 0)


@pytest.mark.parametrize("seq", [1, 4, 10])
def test_a_changed_event(seq: int) -> None:
    lines = whole()
    lines[seq] = lines[seq].replace(b'"at":', b'"at":9')
    assert named(lines) == (seq, f"event {seq} was changed: its hash is not that of its bytes and of the event before")


@pytest.mark.parametrize("seq", [1, 4, 9])
def test_a_removed_event(seq: int) -> None:
    lines = whole()
    del lines[seq]
    assert named(lines) == (seq, f"event {seq} was taken out: event {seq + 1} stands in its place")


def test_the_last_event_removed() -> None:
    lines = whole()
    del lines[EVENTS]
    assert named(lines) == (10, "event 10 was taken out: the export had 10")


def test_an_inserted_event() -> None:
    lines = whole()
    lines.insert(6, lines[3])
    assert named(lines) == (3, "an event was put in behind event 5: it says that it is number 3")
    lines = whole()
    lines.insert(6, encoded(chain(["x"] * 6)[5]))
    assert named(lines) == (6, "event 6 was changed: its hash is not that of its bytes and of the event before")


def test_reordered_events() -> None:
    lines = whole()
    lines[4], lines[5] = lines[5], lines[4]
    assert named(lines) == (4, "the order was changed: event 4 stands behind event 5")


@pytest.mark.parametrize("kept", [1, 2, 6, 11])
def test_a_truncated_export(kept: int) -> None:
    assert named(whole()[:kept]) == (kept, f"the export is cut off after event {kept - 1}: it has no end")


def test_an_export_cut_off_within_a_line() -> None:
    lines = whole()[:5]
    lines[4] = lines[4][:30]
    assert named(lines) == (4, "the export is cut off in the middle of event 4")
    end = whole()
    end[-1] = end[-1][:12]
    assert named(end) == (11, "the export is cut off after event 10: its end is not whole")


def test_a_forger_who_mends_every_hash_and_the_end_is_found_out() -> None:
    forged = chain(["text 1", "FORGED", *(f"text {n}" for n in range(3, EVENTS + 1))])
    lines = [whole()[0], *map(encoded, forged), encoded(End(EVENTS, forged[-1].hash))]
    seq, problem = named(lines)
    assert seq == 10
    assert "the signed head has another hash" in problem
    shorter = chain([f"text {n}" for n in range(1, 8)])
    lines = [whole()[0], *map(encoded, shorter), encoded(End(7, shorter[-1].hash))]
    assert named(lines) == (8, "event 8 is missing: a checkpoint knows event 10")


def test_a_proof_by_another_key_or_of_another_tree() -> None:
    lines = chain(["x"])
    body = [*map(encoded, lines), encoded(End(1, lines[0].hash))]
    assert named([header(proof_of(lines[0], OTHER)), *body]) == (
        0,
        "the checkpoint: no key that is trusted signed this note",
    )
    moved = msgspec.structs.replace(proof_of(lines[0]), index=3)
    assert named([header(moved), *body]) == (0, "the head in the header is not in the signed tree")


def test_a_history_of_another_room_under_this_name() -> None:
    lines = chain(["x"], uid="01980000-0000-7000-8000-000000000002")
    assert (
        named([header(None), *map(encoded, lines), encoded(End(1, lines[0].hash))])[1]
        == "its envelope is of another log"
    )


def test_something_after_the_end() -> None:
    assert named([*whole(), b"{}\n"]) == (11, "something follows the end")


@pytest.mark.parametrize(
    "first", [b"", b"nonsense\n", b'{"kind":"x"}\n', header(None).replace(KIND.encode(), b"other")]
)
def test_what_is_no_export(first: bytes) -> None:
    assert named([first, *whole()[1:]])[0] == 0


def began(year: int, month: int, number: int, earlier_us: int = 0) -> str:
    """The id of a call that began at the beginning of a month, or so much earlier."""
    return str(uuid7(int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1_000_000 - earlier_us, number))


def archive_head(month: str = "2026-08") -> bytes:
    return encoded(ArchiveHeader(ARCHIVE, month, 1, 2, "Jo"))


ARCHIVE_HEAD = archive_head()
EVENTS_PER_CALL = 5
FIRST, MIDDLE, LAST = CALLS = (began(2026, 8, 1), began(2026, 8, 2), began(2026, 9, 1, 1_000))
"""From the first millisecond of the month to its last."""
FOURTH = began(2026, 8, 3)


def archive(uids: Sequence[str] = CALLS, head: bytes = ARCHIVE_HEAD) -> list[bytes]:
    """Each call signed, and their number right."""
    calls = [line for uid in uids for line in whole(EVENTS_PER_CALL, uid)]
    return [head, *calls, encoded(ArchiveEnd(len(uids), len(uids) * EVENTS_PER_CALL))]


def call(number: int) -> slice:
    """The lines of a call of `archive()`: its header, its events, its end."""
    first = 1 + number * (EVENTS_PER_CALL + 2)
    return slice(first, first + EVENTS_PER_CALL + 2)


def named_in_archive(lines: list[bytes]) -> tuple[str, int, str]:
    verdict = verify_export(lines, (KEY.public,))
    assert (verdict.ok, verdict.signed) == (False, 0)
    return verdict.room_uid, verdict.seq, verdict.problem


def test_an_untouched_archive_passes() -> None:
    told: list[tuple[str, int]] = []
    verdict = verify_export(archive(), (KEY.public,), lambda uid, seq, _hash: told.append((uid, seq)))
    assert verdict == Verdict(
        True, events=15, signed=15, origin=KEY.public.name, size=5, took_s=verdict.took_s, month="2026-08", calls=3
    )
    assert told == [(uid, EVENTS_PER_CALL) for uid in CALLS]


def test_without_a_key_nothing_of_an_archive_is_signed() -> None:
    verdict = verify_export(archive(), ())
    assert (verdict.ok, verdict.calls, verdict.signed) == (True, 3, 0)


def test_a_changed_event_is_named_with_its_call() -> None:
    lines = archive()
    place = call(1).start + 2
    lines[place] = lines[place].replace(b'"at":', b'"at":9')
    assert named_in_archive(lines) == (
        MIDDLE,
        2,
        "event 2 was changed: its hash is not that of its bytes and of the event before",
    )


def test_an_event_taken_out_is_not_looked_for_in_the_next_call() -> None:
    lines = archive()
    del lines[call(1).start + 3]
    assert named_in_archive(lines) == (MIDDLE, 3, "event 3 was taken out: event 4 stands in its place")


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_call_taken_out(number: int) -> None:
    lines = archive()
    del lines[call(number)]
    assert "taken out or put in: the archive had 3 calls" in named_in_archive(lines)[2]


def test_a_call_put_in() -> None:
    lines = archive()
    lines[call(1)] = [*lines[call(1)], *whole(EVENTS_PER_CALL, FOURTH)]
    assert "not 4 and 20" in named_in_archive(lines)[2]


TWICE = "this call is in the archive twice"
MOVED = "this call was moved or put in, maybe a second time"
OTHER_MONTH = "this call did not begin in {}, the month of the archive"


@pytest.mark.parametrize(
    ("uids", "named", "problem"),
    [
        ((FIRST, FIRST, MIDDLE, LAST), FIRST, TWICE),
        ((FIRST, MIDDLE, LAST, LAST), LAST, TWICE),
        ((FIRST, MIDDLE, FIRST, LAST), FIRST, MOVED),
        ((FIRST, MIDDLE, LAST, FIRST), FIRST, MOVED),
        ((FIRST, LAST, MIDDLE), MIDDLE, MOVED),
        ((FIRST, MIDDLE, LAST, began(2026, 9, 1)), began(2026, 9, 1), OTHER_MONTH.format("2026-08")),
        ((began(2026, 8, 1, 1_000), *CALLS), began(2026, 8, 1, 1_000), OTHER_MONTH.format("2026-08")),
        ((UID, *CALLS), UID, OTHER_MONTH.format("2026-08")),
    ],
)
@pytest.mark.parametrize("keys", [(KEY.public,), ()])
def test_a_signed_call_that_does_not_belong_there(
    uids: Sequence[str], named: str, problem: str, keys: tuple[PublicKey, ...]
) -> None:
    """The archive's end counts what was made of it."""
    verdict = verify_export(archive(uids), keys)
    assert (verdict.ok, verdict.signed, verdict.room_uid) == (False, 0, named)
    assert problem in verdict.problem


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        (archive_head("2026-09"), OTHER_MONTH.format("2026-09")),
        (archive_head("2026-07"), OTHER_MONTH.format("2026-07")),
        (archive_head("2025-08"), OTHER_MONTH.format("2025-08")),
        (archive_head("2026-13"), 'the first line names no month: "2026-13"'),
        (archive_head("0000-08"), "the first line names no month"),
        (archive_head("2026-8"), "the first line names no month"),
        (archive_head("2026-08\n"), "the first line names no month"),
        (archive_head(""), "the first line names no month"),
    ],
)
def test_a_month_that_was_edited_in_the_first_line(head: bytes, problem: str) -> None:
    assert problem in named_in_archive(archive(head=head))[2]


def test_calls_of_any_month_where_nobody_prepared_theirs() -> None:
    """No month has its events, so that the ids' times prove nothing; the order does."""
    head = archive_head("default")
    assert verify_export(archive((UID, *CALLS, began(2036, 1, 1)), head), (KEY.public,)).whole
    assert TWICE in named_in_archive(archive((UID, UID), head))[2]


@pytest.mark.parametrize("kept", [1, 8, 15, 22])
def test_cut_off_between_calls(kept: int) -> None:
    assert "cut off" in named_in_archive(archive()[:kept])[2]


@pytest.mark.parametrize("kept", [4, 10])
def test_cut_off_inside_a_call(kept: int) -> None:
    assert "the export is cut off after event" in named_in_archive(archive()[:kept])[2]


def test_something_behind_the_end_of_an_archive() -> None:
    assert named_in_archive([*archive(), b"\n"])[2] == "something follows the end"


def test_a_call_without_a_signed_end() -> None:
    lines = chain([f"text {n}" for n in range(EVENTS_PER_CALL)])
    for proof in (None, proof_of(lines[2])):
        header = encoded(Header(KIND, 77, "room", UID, 1, "Jo", proof))
        made = [
            ARCHIVE_HEAD,
            header,
            *map(encoded, lines),
            encoded(End(EVENTS_PER_CALL, lines[-1].hash)),
            encoded(ArchiveEnd(1, EVENTS_PER_CALL)),
        ]
        assert named_in_archive(made)[2] == "no signature stands for the end of this call"


def test_an_archive_signed_by_another() -> None:
    lines = chain([f"text {n}" for n in range(EVENTS_PER_CALL)])
    header = encoded(Header(KIND, 77, "room", UID, 1, "Jo", proof_of(lines[-1], OTHER)))
    assert "the checkpoint" in named_in_archive([ARCHIVE_HEAD, header, *map(encoded, lines)])[2]
