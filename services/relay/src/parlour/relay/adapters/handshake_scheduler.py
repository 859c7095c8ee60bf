"""Shares the event loop's time among DTLS handshakes, so that no owner's joins wait for another owner's flood.

A step of a handshake (a datagram handed to OpenSSL, and its answer) takes 1 to 3 ms of the loop. Steps therefore run one after
another, round-robin over owners, and the loop does other work in between. A handshake that waits for its peer holds nothing.
"""

import asyncio
from collections import OrderedDict, deque


class HandshakeScheduler:
    """Grants one step at a time: round-robin over owners, in order of arrival within an owner."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._granting = False

    async def wait_step(self, owner: str) -> None:
        """Returns when this owner may do one step; the caller does it before its next await."""
        step: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(step)
        if not self._granting:
            self._granting = True
            self._grant()
        await step

    def _grant(self) -> None:
        """Grants the next step, and looks again when the loop has done everything else that was ready."""
        while self._waiting:
            owner, steps = self._waiting.popitem(last=False)
            step = steps.popleft()
            if steps:
                self._waiting[owner] = steps
            if not step.cancelled():
                step.set_result(None)
                asyncio.get_running_loop().call_soon(self._grant)
                return
        self._granting = False
