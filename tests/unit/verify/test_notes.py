"""Signed notes: the specification's own example, and what must not pass."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from parlour.verify.notes import BadNote, Checkpoint, SigningKey, open_note, parse_checkpoint, parse_key, sign_note

# The key and note of the documentation of Go's golang.org/x/mod/sumdb/note, whose form C2SP's signed-note took over.
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def key(name: str = "example.com/log", seed: int = 1) -> SigningKey:
    return SigningKey(name, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


def test_the_published_example_opens() -> None:
    known = parse_key(VKEY)
    assert str(known) == VKEY
    assert open_note(NOTE, (known,)).startswith("If you think")
    with pytest.raises(BadNote, match="not good"):
        open_note(NOTE.replace("answer", "Answer"), (known,))


def test_a_checkpoint_is_read_back() -> None:
    made = Checkpoint("example.com/log", 20_852_163, bytes(range(32)))
    note = sign_note(made.text(), (key(), key(seed=2)))
    for signer in (key(), key(seed=2)):
        assert parse_checkpoint(open_note(note, (signer.public,))) == made
    with pytest.raises(BadNote, match="no key that is trusted"):
        open_note(note, (key(seed=3).public,))
    with pytest.raises(BadNote, match="no key that is trusted"):
        open_note(note, (key("another.example/log").public,))


@pytest.mark.parametrize(
    "text",
    ["", "o\n1\n", "o\n01\nAAAA\n", "o\n1\nAAAA\n", "o\n-1\n" + "A" * 43 + "=\n", "o\n1\n?\n"],
)
def test_what_is_no_checkpoint(text: str) -> None:
    with pytest.raises(BadNote):
        parse_checkpoint(text)


@pytest.mark.parametrize("note", ["", "text\n", "text\n\n- name AAAA\n", "text\n\n— name ?\n", "text\n\n— name AAAA\n"])
def test_what_is_no_note(note: str) -> None:
    with pytest.raises(BadNote):
        open_note(note, (key().public,))


@pytest.mark.parametrize("text", ["", "name", "name+00000000+AAAA", VKEY.replace("c74f20a3", "c74f20a4"), VKEY[:-4]])
def test_what_is_no_key(text: str) -> None:
    with pytest.raises(BadNote):
        parse_key(text)


def test_a_name_that_would_break_the_line() -> None:
    with pytest.raises(BadNote):
        key("two words")
