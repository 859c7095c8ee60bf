"""What `parlour doctor` asks of the tree of room heads: is all of it as it was signed, and do the last checkpoints continue each other?

The answers are the record's own, and so is the tree: a doctor sees damage, not lies. `parlour audit watch` is for those.
"""

from parlour.contracts import proofs as contract
from parlour.kernel.merkle import continues
from parlour.kernel.rejection import Rejection
from parlour.runtime.messaging.bus import Bus
from parlour.verify.notes import BadNote, Checkpoint, PublicKey, open_note, parse_checkpoint, parse_key

from ..operator.connection import connect, send_query

WAY_OUT = "see the how-to on audits: nothing more is signed until the tree is as it was"


async def tree(nats_url: str) -> tuple[str, str]:
    """What was seen of the tree, and the way out where it is not as it was signed."""
    async with connect(nats_url) as bus:
        now = await send_query(bus, "tree", contract.TreeQuery(whole=True), contract.TreeStanding)
        problem = await _story(bus, now.sizes)
    seen = f"{now.size} heads signed, the last {len(now.sizes)} checkpoints looked at"
    problems = [now.damaged] if now.damaged else []
    if now.refused:
        problems.append(
            f"{now.refused} heads contradict signed ones and were left out (head_refused in the record's log)"
        )
    problems += [problem] if problem else []
    return seen, f"{'; '.join(problems)}; {WAY_OUT}" if problems else ""


async def _story(bus: Bus, sizes: tuple[int, ...]) -> str:
    """The first of these checkpoints that is not signed, or that does not continue the one before it; empty: none."""
    keys = (await send_query(bus, "keys", contract.KeysQuery(), contract.CheckpointKeys)).keys
    trusted = tuple(parse_key(one.key) for one in keys)
    before: Checkpoint | None = None
    for size in sorted(sizes):
        try:
            now = await _checkpoint(bus, size, trusted)
            if before is not None and not await _continues(bus, before, now):
                return f"the checkpoint of {size} heads does not continue the one of {before.size}"
        except (BadNote, Rejection) as error:
            return f"the checkpoint of {size} heads: {error}"
        before = now
    return ""


async def _checkpoint(bus: Bus, size: int, trusted: tuple[PublicKey, ...]) -> Checkpoint:
    signed = await send_query(bus, "checkpoint", contract.CheckpointQuery(size), contract.SignedCheckpoint)
    found = parse_checkpoint(open_note(signed.note, trusted))
    if found.size != size:
        raise BadNote(f"its note is of {found.size}")
    return found


async def _continues(bus: Bus, before: Checkpoint, now: Checkpoint) -> bool:
    proof = await send_query(bus, "consistency", contract.ConsistencyQuery(before.size, now.size), contract.Consistency)
    return continues(before.root, before.size, now.root, now.size, proof.path)
