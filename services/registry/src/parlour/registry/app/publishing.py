"""Publish, stop, extra information.

Publish: the rules, the claim on the stream id, the relay's answer, the append; in this order, so that a racing publisher never touches
the relay's stream, and nothing is acknowledged before it is in the log. What the relay did is undone where the append is refused.
"""

import msgspec

from parlour.contracts import commands as cmd
from parlour.contracts.relay import PublishMedia
from parlour.kernel.log import Claim, LogKey
from parlour.kernel.rejection import Rejection
from parlour.registry.domain import streams as rules
from parlour.registry.domain.state import Mutes, Stream, Streams
from parlour.runtime.deciding.commit import Call, Change, ClaimRefused, Committer, Done, Draft, call_of, reply_of
from parlour.runtime.deciding.rooms import Loaded, StateCache, decide_and_commit
from parlour.runtime.life.clock import SystemIds
from parlour.runtime.messaging.address import Address

from . import claims
from .leaving import Leaving
from .ports import Rates
from .transports import Answer, Offer, Transports


class Publishing:
    """Commands of publishers."""

    def __init__(
        self, cache: StateCache[Streams], committer: Committer, transports: Transports, leaving: Leaving, rates: Rates
    ) -> None:
        self._cache = cache
        self._committer = committer
        self._transports = transports
        self._leaving = leaving
        self._rates = rates
        self._ids = SystemIds()

    async def publish(self, to: Address, request: cmd.Request) -> cmd.Reply:
        """A new stream, or a session's own on a new offer."""
        body = request.body
        assert isinstance(body, cmd.Publish)
        call = call_of(to, request)
        loaded, before = await self._admit(to, body)
        assert loaded.key is not None
        node = (
            (await self._transports.find(body.transport_id, body.session_id)).node
            if body.transport_id
            else await self._transports.place()
        )
        if before is None:
            await self._reserve(loaded.key, call, request.caller, body.stream_id)
        answer = await self._negotiate(to, request, body, node, loaded.key, reserved=before is None)
        try:
            done = await self._append(call, request.caller, body, answer)
        except (ClaimRefused, Rejection) as error:
            # only a certain no is undone: what may be in the log after all is settled by the same command coming again
            await self._undo(loaded.key, call, body, answer, before)
            raise claims.refusal(error) if isinstance(error, ClaimRefused) else error from None
        if done.repeated:
            await self._transports.drop_unless(answer, done.answer)
        else:
            await self._drop_old(before, answer)
        return reply_of(done)

    async def stop(self, to: Address, request: cmd.Request) -> cmd.Reply:
        """The session's stream ends; so does its transport where the command says so."""
        body = request.body
        assert isinstance(body, cmd.StopPublish)
        before = (await self._cache.load(to.app, to.room)).state.streams.get(body.stream_id)
        done = await self._change(
            call_of(to, request), rules.RemoveStream(body.session_id, body.stream_id), request.caller, body.stream_id
        )
        if before is not None and before.session_id == body.session_id:
            if body.close_transport:
                await self._transports.close(before.node, before.transport_id)
            else:
                await self._transports.stop_publish(before.node, before.transport_id, before.stream_id)
        return reply_of(done)

    async def set_extra(self, to: Address, request: cmd.Request) -> cmd.Reply:
        """The stream's extra information changes."""
        body = request.body
        assert isinstance(body, cmd.SetStreamExtraInfo)
        call = call_of(to, request)
        return reply_of(
            await self._change(call, rules.SetExtra(body.session_id, body.stream_id, body.extra_info), request.caller)
        )

    async def set_mutes(self, to: Address, request: cmd.Request) -> cmd.Reply:
        """What the publisher holds back changes."""
        body = request.body
        assert isinstance(body, cmd.SetMutes)
        call = call_of(to, request)
        self._rates.admit(call, body.session_id, body.stream_id)  # a stranger's tries are not counted for the publisher
        mutes = Mutes(body.audio_muted, body.video_muted)
        return reply_of(
            await self._change(call, rules.SetMutes(body.session_id, body.stream_id, mutes), request.caller)
        )

    async def restart_ice(self, to: Address, request: cmd.Request) -> cmd.Reply:
        """New ICE credentials; nothing for the record."""
        body = request.body
        assert isinstance(body, cmd.RestartIce)
        found = await self._transports.find(body.transport_id, body.session_id)
        offer = Offer(to.app, to.room, body.session_id, body.sdp, request.command_id, body.transport_id)
        answer = await self._transports.negotiate(msgspec.structs.replace(offer, resource=found.resource), found.node)
        return cmd.Reply(msgspec.Raw(msgspec.json.encode(cmd.Published(answer.transport_id, answer.sdp, answer.node))))

    async def _admit(self, to: Address, body: cmd.Publish) -> tuple[Loaded[Streams], Stream | None]:
        """The rules on the state in memory, then (where they refuse) on the log's; a dead session's stream makes room."""
        loaded = await self._cache.load(to.app, to.room)
        try:
            return loaded, rules.check_publish(loaded.state, body.session_id, body.stream_id, body.extra_info)
        except Rejection:
            await self._leaving.evict_dead(to.app, body.stream_id)
        loaded = await self._cache.load(to.app, to.room, fresh=True)
        return loaded, rules.check_publish(loaded.state, body.session_id, body.stream_id, body.extra_info)

    async def _reserve(self, key: LogKey, call: Call, caller: cmd.Caller, stream_id: str) -> None:
        """Takes the stream id before the relay is asked."""
        taken = (claims.in_room(key, caller), claims.take_stream(key, caller.session_id, caller.actor, stream_id))
        for last in (False, True):
            try:
                await self._committer.commit(self._aside(call, taken))
                return
            except ClaimRefused as error:
                if (
                    last
                    or error.claim.kind != claims.LIVE_STREAM
                    or not await self._leaving.evict_dead(key.app, stream_id)
                ):
                    raise claims.refusal(error) from None

    def _aside(self, call: Call, changed: tuple[Claim, ...]) -> Draft:
        """A unit of claims alone, with a command id of its own."""
        return Draft(call.app, self._ids.uuid7(), call.principal, call.digest, claims=changed)

    async def _negotiate(
        self, to: Address, request: cmd.Request, body: cmd.Publish, node: str, key: LogKey, *, reserved: bool
    ) -> Answer:
        media = PublishMedia(body.stream_id, body.media, body.codec, str(key.uid))
        offer = Offer(to.app, to.room, body.session_id, body.sdp, request.command_id, body.transport_id, body.resource,
                      request.caller.actor)  # fmt: skip
        try:
            return await self._transports.negotiate(offer, node, (media,))
        except BaseException:
            if reserved:
                await self._release(key, call_of(to, request), body)
            raise

    async def _append(self, call: Call, caller: cmd.Caller, body: cmd.Publish, answer: Answer) -> Done:
        bound = answer.published(body.stream_id)
        stream = Stream(
            body.stream_id, body.session_id, caller.actor, answer.node, answer.transport_id, body.extra_info,
            bound.codec, bool(bound.media.audio_mid), bool(bound.media.video_mid),
        )  # fmt: skip
        result = cmd.Published(answer.transport_id, answer.sdp, answer.node)

        def decide(loaded: Loaded[Streams]) -> Draft:
            change = change_of(loaded, rules.PutStream(stream))
            assert loaded.key is not None
            taken = claims.take_stream(loaded.key, body.session_id, caller.actor, body.stream_id)
            return call.draft(*change, result=result, claims=(claims.in_room(loaded.key, caller), taken))

        return await decide_and_commit(self._cache, self._committer, call, decide)

    async def _change(
        self, call: Call, command: rules.AnyStreamCommand, caller: cmd.Caller, released: str = ""
    ) -> Done:
        """A change of an own stream that asks no relay first."""

        def decide(loaded: Loaded[Streams]) -> Draft:
            change = change_of(loaded, command)
            if loaded.key is None:
                return call.draft()
            free = claims.release_stream(loaded.key, caller.session_id, caller.actor, released)
            return call.draft(*change, claims=(free,) if released and change else ())

        return await decide_and_commit(self._cache, self._committer, call, decide)

    async def _undo(self, key: LogKey, call: Call, body: cmd.Publish, answer: Answer, before: Stream | None) -> None:
        """The append was refused: the relay's side and the claim go back."""
        if before is None or before.transport_id != answer.transport_id:
            await self._transports.take_back(answer)
            if not answer.new:
                await self._transports.stop_publish(answer.node, answer.transport_id, body.stream_id)
        if before is None:
            await self._release(key, call, body)

    async def _release(self, key: LogKey, call: Call, body: cmd.Publish) -> None:
        """Gives the stream id back, unless the same command, asked for once more, has made the stream of it meanwhile."""
        free = claims.release_stream(key, body.session_id, call.actor, body.stream_id)
        aside = Call(call.app, call.room, self._ids.uuid7(), call.principal, call.digest)

        def decide(loaded: Loaded[Streams]) -> Draft:
            if loaded.key != key or not loaded.open:
                return aside.draft(claims=(free,))
            stream = loaded.state.streams.get(body.stream_id)
            if stream is not None and stream.session_id == body.session_id:
                return aside.draft()
            unchanged = Change(
                key, "streams", loaded.version, ()
            )  # no event, but refused where a stream was added meanwhile
            return aside.draft(unchanged, claims=(free,))

        await decide_and_commit(self._cache, self._committer, aside, decide)

    async def _drop_old(self, before: Stream | None, answer: Answer) -> None:
        """A stream that moved leaves its old transport."""
        if before is not None and before.transport_id != answer.transport_id:
            await self._transports.stop_publish(before.node, before.transport_id, before.stream_id)


def change_of(loaded: Loaded[Streams], command: rules.AnyStreamCommand) -> tuple[Change, ...]:
    """What a command changes in a room: one change, or none where it holds already."""
    events = rules.decide(loaded.state, command)
    if not events or loaded.key is None:
        return ()
    return (Change(loaded.key, "streams", loaded.version, events),)
