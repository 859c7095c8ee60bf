"""Writes an export: the stored bytes of a call's log, page by page, and the signed head that they lead to.

Memory does not grow with the call.
"""

import asyncio
import time
from typing import BinaryIO

import msgspec

from parlour.contracts import proofs as contract
from parlour.contracts.envelope import GENESIS
from parlour.runtime.messaging.bus import Bus
from parlour.verify.layout import KIND, End, Header, Line
from parlour.verify.text_checks import USER_ID, JoinedUsers

from ..failures import Unsigned
from ..operator.connection import send_query

POLL_S = 1.0
"""How often a new checkpoint is asked for; one is made once a minute."""
EVENTS_PER_PAGE = 500
_encode = msgspec.json.Encoder().encode


async def write_export(bus: Bus, room_uid: str, out: BinaryIO, *, by: str, wait_s: float, since: int = 0) -> End:
    """Writes the events up to the signed head into `out`; with `wait_s` 0 all that there are now, signed or not.

    `by` is recorded as who exports. With `since`, the size of a checkpoint that the auditor holds, the header proves that the signed tree
    continues it. `Unsigned` where no checkpoint has the head within `wait_s` seconds.
    """
    first = await send_query(bus, "stored", contract.StoredQuery(room_uid, 0, 0), contract.StoredPage)
    proof = await _signed(bus, room_uid, first.seq if wait_s else 0, wait_s)
    header = Header(
        KIND, first.app, first.room, room_uid, time.time_ns() // 1000, by, proof, await _consistency(bus, since, proof)
    )
    out.write(_encode(header) + b"\n")
    end = await _events(bus, room_uid, out, by, proof.seq if proof is not None and wait_s else 0)
    out.write(_encode(end) + b"\n")
    return end


async def _consistency(bus: Bus, since: int, proof: contract.Inclusion | None) -> contract.Consistency | None:
    if not since or proof is None or proof.size == since:
        return None
    old, new = sorted((since, proof.size))
    return await send_query(bus, "consistency", contract.ConsistencyQuery(old, new), contract.Consistency)


async def _signed(bus: Bus, room_uid: str, seq: int, wait_s: float) -> contract.Inclusion | None:
    until = time.monotonic() + wait_s
    while True:
        proof = await send_query(bus, "inclusion", contract.InclusionQuery(room_uid), contract.Inclusion)
        if proof.size and proof.seq >= seq:
            return proof
        if not wait_s:
            return proof if proof.size else None
        if time.monotonic() > until:
            raise Unsigned(
                f"no checkpoint has event {seq} after {wait_s:g} s; --wait 0 exports what is not signed yet too"
            )
        await asyncio.sleep(POLL_S)


async def _events(bus: Bus, room_uid: str, out: BinaryIO, by: str, last: int) -> End:
    """Writes the events up to `last`, 0: all, as the database has them: the verifier says whether they are right."""
    after, hash_, count = 0, GENESIS, 0
    users = JoinedUsers()
    while not last or after < last:
        page = await send_query(
            bus, "stored", contract.StoredQuery(room_uid, after, EVENTS_PER_PAGE, by), contract.StoredPage
        )
        if not page.events:
            break
        for event in page.events:
            if last and event.seq > last:
                return End(count, hash_)
            cited = b"" if event.prev == hash_ else event.prev
            out.write(_encode(_line(event, cited, users)) + b"\n")
            after, hash_, count = event.seq, event.hash, count + 1
    return End(count, hash_)


class _Shown(msgspec.Struct):
    user_id: str = msgspec.field(default="", name=USER_ID)


class _Stored(msgspec.Struct):
    type: str = ""
    actor: str = ""


def _line(event: contract.StoredEvent, cited: bytes, users: JoinedUsers) -> Line:
    """The line of an event. A user id is shown only where an earlier event of the file commits to it."""
    try:
        stored, shown = _stored(event.env), _shown(event.view)
    except (msgspec.DecodeError, UnicodeDecodeError):
        user = ""  # the event can't be read
    else:
        users.learn(stored.type, stored.actor, shown.user_id if shown else "")
        user = users.get(stored.actor)
    return Line(
        event.seq, event.at, event.env, event.hash, cited, event.view,
        user if user == event.user else "", event.erased, event.salts,
    )  # fmt: skip


_stored = msgspec.json.Decoder(_Stored).decode
_shown = msgspec.json.Decoder(_Shown | None).decode
