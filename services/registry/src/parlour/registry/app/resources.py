"""Transports that stand for themselves (WHIP and WHEP): ended and renewed at any gateway's word, and their sessions' only sign of life.

A session behind such transports has no connection. It is there as long as a relay hears the peer of one of them, whatever becomes of the
gateway at which it began: so the registry, which hears the relays, says for it what gateways say for theirs.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from parlour.contracts import commands as cmd
from parlour.contracts.queries import BEAT_S, Presence, SessionBeat, presence_parts
from parlour.contracts.relay import IceRenewed
from parlour.contracts.relay import RenewIce as RenewAtRelay
from parlour.kernel.rejection import Rejection
from parlour.registry.domain import streams as rules
from parlour.registry.domain.nodes import Nodes
from parlour.registry.domain.state import Streams
from parlour.runtime.deciding.commit import Committer, Draft, call_of, reply_of
from parlour.runtime.deciding.rooms import Loaded, StateCache, decide_and_commit
from parlour.runtime.messaging.address import Address

from . import claims
from .publishing import change_of
from .transports import Transports


class Resources:
    """Commands of WHIP and WHEP clients."""

    def __init__(self, cache: StateCache[Streams], committer: Committer, transports: Transports) -> None:
        self._cache = cache
        self._committer = committer
        self._transports = transports

    async def end(self, to: Address, request: cmd.Request) -> cmd.Reply:
        """What the resource carries ends, and its transport with it."""
        body = request.body
        assert isinstance(body, cmd.EndResource)
        call, ended = call_of(to, request), False

        def decide(loaded: Loaded[Streams]) -> Draft:
            nonlocal ended
            change = change_of(loaded, _end_of(loaded.state, body))
            ended = bool(change)
            if not change or loaded.key is None or not body.publishes:
                return call.draft(*change)
            free = claims.release_stream(loaded.key, body.session_id, request.caller.actor, body.stream_id)
            return call.draft(*change, claims=(free,))

        done = await decide_and_commit(self._cache, self._committer, call, decide)
        closed = await self._transports.close_own(body.transport_id, body.session_id)
        remaining = len(self._transports.of_session(body.session_id))
        return reply_of(done, cmd.ResourceEnded(ended or closed, remaining))

    async def renew(self, to: Address, request: cmd.Request) -> cmd.Reply:
        """Restarts ICE by the peer's new credentials; nothing for the record."""
        body = request.body
        assert isinstance(body, cmd.RenewIce)
        found = await self._transports.find(body.transport_id, body.session_id)
        command = RenewAtRelay(to.app, found.owner, body.transport_id, body.ufrag, body.pwd, body.match)
        renewed = await self._transports.call(found.node, command, IceRenewed)
        return cmd.Reply(msgspec.Raw(msgspec.json.encode(renewed)))


def _end_of(state: Streams, body: cmd.EndResource) -> rules.AnyStreamCommand:
    """A stream that lives on another transport by now is another resource's."""
    if not body.publishes:
        return rules.EndPlay(body.session_id, body.stream_id, body.transport_id)
    stream = state.streams.get(body.stream_id)
    if stream is not None and stream.session_id == body.session_id and stream.transport_id == body.transport_id:
        return rules.RemoveStream(body.session_id, body.stream_id)
    return rules.EndTransport(body.stream_id, body.transport_id)


async def keep_beating(name: str, nodes: Nodes, tell: Callable[[Presence], Awaitable[None]]) -> None:
    """Says once a second, for ever, which sessions have such a transport. Every replica does: each hears all relays."""
    beat = 0
    while True:
        beat += 1
        sessions = {(transport.app, transport.session_id) for transport in nodes.resources()}
        beats = tuple(SessionBeat(app, "", session_id) for app, session_id in sorted(sessions))
        for part in presence_parts(name, beat, beats) if beats else ():
            try:
                await tell(part)
            except Rejection:
                break  # NATS is away; the room service hears nobody's beats then and waits
        await asyncio.sleep(BEAT_S)
