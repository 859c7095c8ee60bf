"""Queries of the record that concern no app: proofs, keys, exports and retention."""

from typing import TypeVar

import msgspec

from parlour.contracts import subjects
from parlour.contracts.proofs import NO_APP
from parlour.kernel.rejection import Rejection
from parlour.runtime.messaging.bus import Bus

ANSWER_TIMEOUT_S = 10.0
T = TypeVar("T", bound=msgspec.Struct)


async def query_proofs(bus: Bus, what: str, query: msgspec.Struct, kind: type[T]) -> T:
    """Sends one query to the record and returns its answer. `Rejection` where the record refuses it."""
    answer = await bus.request(subjects.query(NO_APP, "", what), query, kind, ANSWER_TIMEOUT_S)
    problem = getattr(answer, "problem", None)
    if problem is not None:
        raise Rejection(problem)
    return answer
