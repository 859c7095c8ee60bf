"""`audit watch`: what it keeps, what it cries out at, and what it can't know."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from parlour.contracts.proofs import CheckpointKey, CheckpointKeys, Consistency
from parlour.kernel.merkle import Edge, HashRun, consistency, hash_of, leaf_hash
from parlour.verify.checkpoint_keeper import KEYS, CheckpointKeeper, Contradiction, GatewaySource, Unreachable
from parlour.verify.notes import Checkpoint, SigningKey, sign_note

ORIGIN = "test.example/record"


class Record:
    """A server that signs the root over whatever leaves it has, and proves what follows from them."""

    def __init__(self) -> None:
        self.key = SigningKey(ORIGIN, Ed25519PrivateKey.generate())
        self.leaves: list[bytes] = []
        self.gone: set[str] = set()
        self.origin = ORIGIN

    def add(self, *texts: str) -> None:
        self.leaves += [leaf_hash(text.encode()) for text in texts]

    def get(self, path: str) -> bytes | None:
        page = path.partition("?")[0]
        if page in self.gone:
            return None
        if page == "/v1/checkpoints/keys":
            return msgspec.json.encode(CheckpointKeys((CheckpointKey(str(self.key.public), 1, 0),)))
        if page == "/checkpoint":
            edge = Edge()
            edge.extend(self.leaves)
            return sign_note(Checkpoint(self.origin, edge.size, edge.root()).text(), (self.key,)).encode()
        old, new = (int(part.partition("=")[2]) for part in path.partition("?")[2].split("&"))
        return msgspec.json.encode(Consistency(old, new, self._path(old, new)))

    def _path(self, old: int, new: int) -> tuple[bytes, ...]:
        def read(run: HashRun) -> Sequence[bytes]:
            assert run.level == 0
            return self.leaves[run.first : run.first + run.count]

        return tuple(hash_of(start, stop, read) for start, stop in consistency(old, new))


@pytest.fixture
def record() -> Record:
    made = Record()
    made.add("a", "b", "c")
    return made


def test_what_continues_is_kept(record: Record, tmp_path: Path) -> None:
    keeper = CheckpointKeeper(tmp_path / "kept", record)
    assert "3 leaves, the first" in keeper.fetch()
    assert "3 leaves, as before" in keeper.fetch()
    record.add("d", "e")
    assert "5 leaves, continues 3" in CheckpointKeeper(tmp_path / "kept", record).fetch()
    assert sorted(one.name for one in (tmp_path / "kept").iterdir()) == ["3.note", "5.note", KEYS]


def rewritten(record: Record) -> None:
    record.leaves[1] = leaf_hash(b"x")


def rewritten_and_grown(record: Record) -> None:
    rewritten(record)
    record.add("d")


def cut(record: Record) -> None:
    record.leaves.pop()


def cut_and_grown(record: Record) -> None:
    record.leaves.pop()
    record.add("x", "y")


def another_key(record: Record) -> None:
    record.key = SigningKey(ORIGIN, Ed25519PrivateKey.generate())
    record.add("d")


def another_origin(record: Record) -> None:
    record.origin = "other.example/record"
    record.add("d")


def no_proof(record: Record) -> None:
    record.gone.add("/v1/checkpoints/consistency")
    record.add("d")


def no_checkpoint(record: Record) -> None:
    record.gone.add("/checkpoint")


@pytest.mark.parametrize(
    "change",
    [rewritten, rewritten_and_grown, cut, cut_and_grown, another_key, another_origin, no_proof, no_checkpoint],
    ids=lambda one: one.__name__,
)
def test_what_does_not_continue_is_cried_out_and_evidence_stays(
    change: Callable[[Record], None], record: Record, tmp_path: Path
) -> None:
    CheckpointKeeper(tmp_path, record).fetch()
    kept = (tmp_path / "3.note").read_bytes()
    change(record)
    for _ in range(2):
        with pytest.raises(Contradiction):
            CheckpointKeeper(tmp_path, record).fetch()
    assert (tmp_path / "3.note").read_bytes() == kept
    assert [one.name for one in tmp_path.glob("*.note")] == ["3.note"]
    shown = [one for one in tmp_path.iterdir() if one.name not in ("3.note", KEYS)]
    assert len(shown) == (0 if change is no_checkpoint else 1)


def test_a_given_key_is_the_only_one_that_is_trusted(record: Record, tmp_path: Path) -> None:
    other = SigningKey(ORIGIN, Ed25519PrivateKey.generate())
    with pytest.raises(Contradiction, match="no key that is trusted"):
        CheckpointKeeper(tmp_path, record, (other.public,)).fetch()
    assert not (tmp_path / KEYS).exists()


def test_nothing_is_known_of_who_does_not_answer(record: Record, tmp_path: Path) -> None:
    record.gone.add("/checkpoint")
    with pytest.raises(Unreachable):
        CheckpointKeeper(tmp_path, record).fetch()
    with pytest.raises(Unreachable):
        CheckpointKeeper(tmp_path, GatewaySource("http://127.0.0.1:1")).fetch()
    with pytest.raises(ValueError, match="http"):
        GatewaySource("file:///etc/passwd")
