"""Whatever is done to the file of an export is told: each kind ends with another exit code than 0, and a sentence that says what."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from parlour.contracts import events as ev
from parlour.testkit.exports import APP, KEY, UID, Tree, chained, header, recorded, shown, written
from parlour.testkit.user_keys import MemoryUserKeyStore
from parlour.verify.layout import LINE_BYTES, Line
from parlour.verify.notes import SigningKey
from parlour.verify.verdict import exit_code, verdict_text
from parlour.verify.verifier import verify_export

LIAR = SigningKey(KEY.public.name, Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32))
SAID, REFUSED = 4, 5
"""The events of ann's and bob's messages."""
BOM = b"\xef\xbb\xbf"
Bytes = list[bytes]


async def _room(people: MemoryUserKeyStore, *more: str, said: str = "I reject the payment") -> list[Line]:
    ann, bob = await people.actor(APP, "ann"), await people.actor(APP, "bob")
    events: tuple[ev.Event, ...] = (
        ev.RoomOpened(APP, "studio"),
        ev.UserJoined("s1", ann, "ann", "Ann"),
        ev.UserJoined("s2", bob, "bob", "Bob"),
        ev.BroadcastSent("s1", ann, said),
        ev.BarrageSent("s2", bob, "so do I"),
        *(ev.BarrageSent("s2", bob, text) for text in more),
        ev.BroadcastSent("s1", ann, "good night"),
        ev.UserLeft("s1", ann, "logout"),
    )
    return await shown(people, recorded(people, events))


PEOPLE = MemoryUserKeyStore()
LINES = asyncio.run(_room(PEOPLE))
RESEALED = asyncio.run(_room(PEOPLE, said="I approve the payment"))
"""The same people's room with other words, sealed under their own keys."""
OTHERS = asyncio.run(_room(MemoryUserKeyStore(), "and it was I"))
"""The room of other people of these names, with one event more."""


def file(lines: list[Line], proof_of: list[Line] | None = LINES) -> Bytes:
    """An export of the lines, with the proof of the true ones unless told."""
    return written(header(Tree(proof_of[-1]).inclusion() if proof_of else None), lines)


def edited(seq: int, **changes: Any) -> Bytes:
    """One event's line changed, and no hash with it."""
    lines = list(LINES)
    lines[seq - 1] = msgspec.structs.replace(lines[seq - 1], **changes)
    return file(lines)


def view(seq: int, **changes: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode({**msgspec.json.decode(LINES[seq - 1].view), **changes}))


def raw(place: int, old: bytes, new: bytes) -> Bytes:
    """Bytes replaced within one line of the file, 0: the header."""
    lines = file(LINES)
    assert old in lines[place]
    lines[place] = lines[place].replace(old, new, 1)
    return lines


def moved(change: Callable[[Bytes], object]) -> Bytes:
    """Whole lines of the file changed."""
    lines = file(LINES)
    change(lines)
    return lines


def reordered(seqs: list[int]) -> list[Line]:
    return [LINES[seq - 1] for seq in seqs]


def resealed() -> list[Line]:
    """One message sealed again with other words under its author's key, and the chain written anew."""
    return chained([*LINES[: SAID - 1], RESEALED[SAID - 1], *LINES[SAID:]])


def rewritten() -> list[Line]:
    """One event's hashed bytes changed, and the chain written anew."""
    env = LINES[5].env.replace(b'"im"', b'"me"')
    return chained([*LINES[:5], msgspec.structs.replace(LINES[5], env=env), *LINES[6:]])


ANEW = RESEALED[SAID - 1]
SALT = LINES[SAID - 1].salts["text"]
FORGED = view(SAID, text="I approve the payment")
NOT_RECORDED = 'text is shown as "I approve the payment", which is not what was recorded'
ODD = "is not written as an export writes it"

MUTILATED: dict[str, tuple[int, Bytes, str]] = {
    # what is shown
    "words-forged": (1, edited(SAID, view=FORGED), NOT_RECORDED),
    "words-forged-with-a-new-salt": (1, edited(SAID, view=FORGED, salts={"text": bytes(32)}), NOT_RECORDED),
    "words-of-another-message": (1, edited(SAID, view=view(SAID, text="so do I"), salts=LINES[REFUSED - 1].salts), "not what was recorded"),
    "words-forged-without-a-salt": (1, edited(SAID, view=FORGED, salts={}), "text is shown with no salt"),
    "words-sealed-anew-and-no-hash": (1, edited(SAID, env=ANEW.env, view=FORGED, salts=ANEW.salts), "event 4 was changed"),
    "words-moved-into-the-salt": (1, edited(SAID, view=view(SAID, text="it"), salts={"text": SALT + b"I reject "}), "salt of 41 bytes"),
    "words-sealed-anew": (1, file(resealed()), "the signed head has another hash"),
    "words-emptied": (1, edited(SAID, view=view(SAID, text=""), salts={}), "shown empty, but a text was recorded and nobody was erased"),
    "words-emptied-as-if-erased": (4, edited(SAID, view=view(SAID, text=""), salts={}, erased=True), "TEXTS LEFT OUT: 1 are not shown"),
    "message-not-shown": (4, edited(SAID, view=msgspec.Raw(b"null"), salts={}), "TEXTS LEFT OUT: 1 are not shown"),
    "words-shown-as-erased": (1, edited(SAID, erased=True), "said to be erased, but a text of that user is shown"),
    "words-that-are-no-text": (1, edited(SAID, view=view(SAID, text=["I approve"])), "which is no text"),
    "name-forged": (1, edited(2, view=view(2, userName="The CEO")), 'userName is shown as "The CEO"'),
    "user-id-of-the-join-forged": (1, edited(2, view=view(2, userID="ceo")), 'userID is shown as "ceo"'),
    "user-beside-the-message-forged": (1, edited(SAID, user="bob"), 'user is shown as "bob", who joined as "ann"'),
    "user-beside-the-first-event": (1, edited(1, user="ceo"), "no event before says whose it is"),
    "a-needless-salt": (1, edited(SAID, salts={"text": SALT, "extraInfo": SALT}), "a salt is given for extraInfo"),
    "field-added-to-what-is-shown": (1, edited(SAID, view=view(SAID, approved=True)), "approved is shown as true"),
    "field-shown-twice": (1, raw(SAID, b'"text":', b'"text":"I approve the payment","text":'), ODD),
    "line-with-two-views": (1, raw(SAID, b'"view":', b'"view":{"text":"I approve the payment"},"view":'), ODD),
    "line-with-a-remark": (1, raw(SAID, b'"user":', b'"remark":"approved","user":'), ODD),
    "shown-nested-without-end": (1, raw(SAID, b'"I reject the payment"', b"[" * 100_000 + b"]" * 100_000), "is no event"),
    "shown-nested-deeply": (1, raw(SAID, b'"I reject the payment"', b"[" * 900 + b"]" * 900), "which is no text"),
    "shown-not-in-utf-8": (1, raw(SAID, b"I reject", b"I \xff\xfe"), "what is shown of it can't be read"),
    "half-a-surrogate": (1, raw(SAID, b"I reject", b"\\ud800"), "is no event"),
    # the events and their order
    "time-changed": (1, edited(SAID, at=9), "event 4 was changed"),
    "time-beyond-any": (1, edited(SAID, at=10**30), "is no event"),
    "hash-changed": (1, edited(SAID, hash=bytes(32)), "event 4 was changed"),
    "bytes-changed": (1, edited(SAID, env=LINES[SAID - 1].env.replace(b"s1", b"s2")), "event 4 was changed"),
    "bytes-changed-and-hashes-mended": (1, file(rewritten()), "the signed head has another hash"),
    "event-removed": (1, moved(lambda lines: lines.pop(SAID)), "event 4 was taken out"),
    "event-removed-and-hashes-mended": (1, file(chained(reordered([1, 2, 3, 5, 6, 7]))), "event 7 is missing: a checkpoint knows"),
    "events-swapped": (1, moved(lambda lines: lines.insert(SAID, lines.pop(REFUSED))), "event 4 stands behind event 5"),
    "event-twice": (1, moved(lambda lines: lines.insert(REFUSED, lines[SAID])), "an event was put in behind event 4"),
    "event-put-in-and-hashes-mended": (1, file(chained(reordered([1, 2, 3, 4, 4, 5, 6, 7]))), "the signed head has another hash"),
    "event-without-a-number": (1, raw(SAID, b'"seq":4,', b""), "is no event"),
    "number-too-large": (1, raw(SAID, b'"seq":4', b'"seq":' + b"9" * 5000), "is no event"),
    "garbage-line": (1, moved(lambda lines: lines.insert(SAID, b"\x00\x01garbage\n")), "what stands in the place of event 4 is no event"),
    "endless-line": (1, moved(lambda lines: lines.insert(SAID, b" " * (LINE_BYTES + 1))), "too long to be an event"),
    "empty-line": (1, moved(lambda lines: lines.insert(SAID, b"\n")), "is no event"),
    # the file
    "empty-file": (1, [], "the first line is not the header of an export"),
    "header-removed": (1, moved(lambda lines: lines.pop(0)), "the first line is not the header of an export"),
    "header-twice": (1, moved(lambda lines: lines.insert(0, lines[0])), "is no event"),
    "header-with-a-room-twice": (1, raw(0, b'"room":', b'"room":"boardroom","room":'), ODD),
    "byte-order-mark": (1, raw(0, b"{", BOM + b"{"), "the first line is not the header of an export"),
    "windows-line-ends": (1, [line.replace(b"\n", b"\r\n") for line in file(LINES)], ODD),
    "another-room": (1, raw(0, b'"room":"studio"', b'"room":"boardroom"'), "the header names room 'boardroom'"),
    "another-life": (1, raw(0, UID.encode(), UID.replace("1", "2").encode()), "the head in the header is not in the signed tree"),
    "another-kind": (1, raw(0, b"parlour.audit.v1", b"parlour.audit.v9"), "this is 'parlour.audit.v9'"),
    "cut-off-in-a-line": (1, [*file(LINES)[:SAID], file(LINES)[SAID][:40]], "cut off in the middle of event 4"),
    "cut-off-between-lines": (1, file(LINES)[:SAID], "the export is cut off after event 3: it has no end"),
    "end-removed": (1, file(LINES)[:-1], "the export is cut off after event 7: it has no end"),
    "end-of-fewer": (1, raw(-1, b'"end":7', b'"end":6'), "the export had 6"),
    "end-twice": (1, moved(lambda lines: lines.append(lines[-1])), "something follows the end"),
    "two-files-in-one": (1, file(LINES) * 2, "something follows the end"),
    # the signature
    "proof-removed": (4, file(LINES, None), "no signature stands for them"),
    "proof-removed-and-cut": (4, file(LINES[:SAID], None), "no signature stands for them"),
    "proof-of-an-older-head": (4, file(LINES, LINES[:SAID]), "signed up to event 4 of 7"),
    "proof-of-another-room": (1, file(LINES, OTHERS), "event 8 is missing: a checkpoint knows event 8"),
    "proof-by-another-key": (1, written(header(Tree(LINES[-1]).inclusion(key=LIAR)), LINES), "no key that is trusted signed"),
    "proof-of-another-place": (1, raw(0, b'"index":4', b'"index":3'), "the head in the header is not in the signed tree"),
    "signature-changed": (1, raw(0, b"test.example/record ", b"test.example/record A"), "the checkpoint: "),
    "another-story-under-the-proof": (1, file(OTHERS[:7]), "the signed head has another hash"),
}  # fmt: skip


def told(lines: Bytes) -> tuple[int, str]:
    verdict = verify_export(lines, (KEY.public,))
    return exit_code(verdict, unsigned_ok=False), verdict_text(verdict, keyed=True)


def test_the_file_as_it_was_written_is_whole() -> None:
    code, text = told(file(LINES))
    assert (code, text.split(":")[0]) == (0, "whole"), text
    assert "7 sealed texts (messages, names) among it" in text


@pytest.mark.parametrize("kind", MUTILATED)
def test_a_mutilated_file_is_refused_with_a_sentence(kind: str) -> None:
    code, lines, sentence = MUTILATED[kind]
    found, text = told(lines)
    assert (found, sentence in text) == (code, True), text
    assert "whole" not in text
