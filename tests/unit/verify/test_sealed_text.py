"""Sealed texts: the commitment is to one text in one place, says nothing without its salt, and its salt goes with the key."""

import hashlib
from uuid import uuid4

import msgspec
import pytest

from parlour.contracts import events as ev
from parlour.contracts.sealed_text import SealedText, parse_sealed, text_commitment
from parlour.kernel.log import Record
from parlour.runtime.deciding.sealing import disclose_texts, open_records
from parlour.runtime.postgres.keys import KEY_BYTES, PersonKey
from parlour.testkit.exports import APP, KEY, Tree, header, recorded, shown, written
from parlour.testkit.user_keys import MemoryUserKeyStore
from parlour.verify.text_checks import commitment_matches
from parlour.verify.verdict import exit_code, verdict_text
from parlour.verify.verifier import verify_export

ACTOR = str(uuid4())
PLACE = "im.broadcast_sent.v1/text"


def sealed_by(key: PersonKey, text: str = "I reject the payment") -> SealedText:
    return parse_sealed(key.seal(ACTOR, PLACE, text))


@pytest.fixture
def key() -> PersonKey:
    return PersonKey(bytes(range(KEY_BYTES)))


def test_the_commitment_is_the_one_that_is_documented() -> None:
    salt = bytes(range(32))
    bound = b"parlour.text.2" + salt + b"an-actor|im.broadcast_sent.v1/text|hello"
    assert text_commitment(salt, "an-actor", PLACE, "hello") == hashlib.sha256(bound).digest()


def test_a_disclosed_text_is_checked_without_the_key(key: PersonKey) -> None:
    sealed = sealed_by(key)
    salt = key.salt(PLACE, sealed)
    assert commitment_matches(sealed, salt, PLACE, "I reject the payment")
    assert not commitment_matches(sealed, salt, PLACE, "I approve the payment")
    assert not commitment_matches(sealed, salt, "im.barrage_sent.v1/text", "I reject the payment")
    of_another = msgspec.structs.replace(sealed, actor=str(uuid4()))
    assert not commitment_matches(of_another, salt, PLACE, "I reject the payment")


def test_another_key_and_another_ciphertext_open_it_to_no_other_words(key: PersonKey) -> None:
    other = PersonKey(bytes(KEY_BYTES))
    sealed = sealed_by(key)
    with pytest.raises(ValueError, match="not sealed for"):
        other.open(PLACE, sealed)
    swapped = msgspec.structs.replace(sealed_by(other, "I approve the payment"), commitment=sealed.commitment)
    words = other.open(PLACE, swapped)
    assert not commitment_matches(swapped, other.salt(PLACE, swapped), PLACE, words)


def test_the_same_words_twice_have_nothing_in_common(key: PersonKey) -> None:
    one, two = sealed_by(key), sealed_by(key)
    assert one.commitment != two.commitment
    assert key.salt(PLACE, one) != key.salt(PLACE, two)
    assert key.salt(PLACE, one).hex() not in str(one.ciphertext.hex()) + one.commitment.hex()


def test_who_disclosed_one_text_disclosed_no_other(key: PersonKey) -> None:
    one, two = sealed_by(key), sealed_by(key)
    assert not commitment_matches(two, key.salt(PLACE, one), PLACE, "I reject the payment")


@pytest.mark.parametrize("form", ["1", "3", "2:AAAA", f"2:{'A' * 44}:!", f"2:{'A' * 44}:AAAA:AAAA", "2:AAAA:AAAA"])
def test_a_form_that_is_not_known_is_refused(form: str) -> None:
    with pytest.raises(ValueError, match="sealed text"):
        _ = parse_sealed(f"{ACTOR}:{form}").ciphertext


async def spoken(people: MemoryUserKeyStore) -> tuple[Record, ...]:
    """A room in which somebody says something."""
    ann = await people.actor(APP, "ann")
    said = ev.RoomOpened(APP, "studio"), ev.UserJoined("s", ann, "ann", "Ann"), ev.BroadcastSent("s", ann, "hello")
    return recorded(people, said)


async def test_with_the_key_the_salts_are_gone_and_the_hashes_stay() -> None:
    people = MemoryUserKeyStore()
    records = await spoken(people)
    before = await shown(people, records)
    await people.erase(APP, "ann")
    after = await shown(people, records)
    assert [line.hash for line in after] == [line.hash for line in before]
    assert [(line.salts, line.user) for line in after] == [({}, "")] * 3
    assert b"hello" not in b"".join(msgspec.json.encode(line) for line in after)
    for lines in (before, after):  # also a file from before: that is why exports are recorded
        verdict = verify_export(written(header(Tree(lines[-1]).inclusion()), lines), (KEY.public,))
        assert verdict.whole, verdict
    assert "3 texts are not shown: of people who are erased" in verdict_text(verdict, keyed=True)


async def test_who_is_erased_while_a_page_is_read_is_erased_in_it() -> None:
    people = MemoryUserKeyStore()
    records = await spoken(people)
    views = await open_records(people, records)
    await people.erase(APP, "ann")
    found = await disclose_texts(people, records, views)
    assert [salts for _, salts in found] == [{}, {}, {}]
    assert all(view is not None and b"hello" not in bytes(view.data) for view, _ in found)
    assert [view.erased for view, _ in found if view is not None] == [False, True, True]


async def test_texts_without_a_commitment_are_opened_and_called_unchecked() -> None:
    people = EarlierPeople()
    lines = await shown(people, await spoken(people))
    assert [msgspec.json.decode(line.view).get("text") for line in lines] == [None, None, "hello"]
    verdict = verify_export(written(header(Tree(lines[-1]).inclusion()), lines), (KEY.public,))
    assert (exit_code(verdict, unsigned_ok=True), verdict.whole) == (4, False)
    assert verdict_text(verdict, keyed=True).startswith("WORDS NOT CHECKED: room studio")


class EarlierPeople(MemoryUserKeyStore):
    """Writes texts as an earlier version did: `actor:ciphertext`."""

    def seal(self, actor: str, context: str, text: str) -> str:
        return f"{actor}:{super().seal(actor, context, text).rpartition(':')[2]}"
