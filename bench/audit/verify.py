"""Events per second that the verifier of exports checks, and how its memory grows with the file.

The file is written here, with envelopes of the size that messages have and a text with its salt in each. The floor beside it is what the
same lines cost to read and hash without being decoded: two SHA-256 each.
"""

import hashlib
import resource
import tempfile
import time
from pathlib import Path

import msgspec

from parlour.contracts.envelope import GENESIS, Envelope, chain_hash, encode_envelope
from parlour.contracts.events import BroadcastSent, UserJoined
from parlour.contracts.sealed_text import SEALED_FIELDS, parse_sealed
from parlour.runtime.postgres.keys import PersonKey
from parlour.testkit.benchmarks.machine import keep
from parlour.verify.layout import KIND, End, Header, Line
from parlour.verify.verifier import verify_export

EVENTS = 500_000
ROUNDS = 3
UID = "01980000-0000-7000-8000-000000000001"
ACTOR = "0190a000-0000-4000-8000-00000000000a"
PERSON = PersonKey(bytes(32))


def shown(event: UserJoined | BroadcastSent) -> tuple[str, msgspec.Raw, msgspec.Raw, dict[str, bytes]]:
    """An event's type, its stored data, and its texts as an auditor gets them, with their salts."""
    fields = msgspec.to_builtins(event)
    contexts = {name: f"{event.TAG}/{name}" for name in SEALED_FIELDS[event.TAG]}
    sealed = {name: PERSON.seal(ACTOR, context, fields[name]) for name, context in contexts.items()}
    salts = {name: PERSON.salt(context, parse_sealed(sealed[name])) for name, context in contexts.items()}
    stored, opened = (msgspec.Raw(msgspec.json.encode(one)) for one in (fields | sealed, fields))
    return event.TAG, stored, opened, salts


def write(path: Path) -> int:
    """An export of `EVENTS` events; its size in bytes."""
    prev = GENESIS
    with open(path, "wb") as out:
        out.write(msgspec.json.encode(Header(KIND, 1, "room", UID, 0, "bench")) + b"\n")
        joined, said = (
            shown(UserJoined("s", ACTOR, "ann", "Ann")),
            shown(BroadcastSent("0198-session", ACTOR, "x" * 50)),
        )
        for seq in range(1, EVENTS + 1):
            type_, data, view, salts = joined if seq == 1 else said
            env = encode_envelope(Envelope(UID, "im", seq, type_, ACTOR, "c", "", "t", data))
            prev = chain_hash(prev, seq, seq, env)
            out.write(msgspec.json.encode(Line(seq, seq, env, prev, view=view, user="ann", salts=salts)) + b"\n")
        out.write(msgspec.json.encode(End(EVENTS, prev)) + b"\n")
    return path.stat().st_size


def floor(path: Path) -> float:
    """Seconds for the lines read and hashed twice."""
    began = time.perf_counter()
    with open(path, "rb", buffering=1 << 20) as lines:
        for line in lines:
            hashlib.sha256(hashlib.sha256(line).digest()).digest()
    return time.perf_counter() - began


def main() -> None:
    """Rounds alternate; the best counts, since others use the machine too."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.jsonl"
        size = write(path)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        took: list[float] = []
        bare: list[float] = []
        for _ in range(ROUNDS):
            with open(path, "rb", buffering=1 << 20) as lines:
                verdict = verify_export(lines, ())
            assert verdict.ok, verdict
            assert verdict.events == EVENTS
            took.append(verdict.took_s)
            bare.append(floor(path))
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    result = {
        "events": EVENTS,
        "file_mb": round(size / 1e6),
        "events_per_s": round(EVENTS / min(took)),
        "of_the_floor": round(min(bare) / min(took), 2),
        "memory_grown_kb": grown,
    }
    print(result)
    keep("audit_verify", result)


if __name__ == "__main__":
    main()
