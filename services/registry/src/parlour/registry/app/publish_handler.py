"""Handles the commands of publishers: publish, stop, extra information, mutes, ICE restart.

Publishing takes four steps: the rules, the claim on the stream id, the relay's answer, the append; in this order, so that a racing
publisher never touches the relay's stream, and nothing is acknowledged before it is in the log. What the relay did is undone where the
append is refused.
"""

import msgspec

from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.relay import PublishMedia
from parlour.kernel.decider import Ids
from parlour.kernel.log import LogKey
from parlour.kernel.rejection import Rejection
from parlour.registry.domain import streams as domain
from parlour.runtime.deciding.commit import Call, Change, ClaimRefused, Committer, Done, Draft, call_of, reply_of
from parlour.runtime.deciding.rooms import Loaded, StateCache, decide_and_commit
from parlour.runtime.messaging.address import Address
from parlour.runtime.rate_limiter import RateLimit, RateLimiter

from . import stream_units
from .leaver_reactor import LeaverReactor
from .stream_units import LIVE_STREAM, StreamDecider
from .transports import Answer, Offer, TransportController


class PublishHandler:
    """Handles Publish, StopPublish, SetStreamExtraInfo, SetMutes and RestartIce. Each method returns after the commit."""

    def __init__(
        self, cache: StateCache[domain.State], committer: Committer, decider: StreamDecider,
        transports: TransportController, leavers: LeaverReactor, rates: RateLimiter, mute_limit: RateLimit, ids: Ids,
    ) -> None:  # fmt: skip
        self._cache = cache
        self._committer = committer
        self._decider = decider
        self._transports = transports
        self._leavers = leavers
        self._rates = rates
        self._mute_limit = mute_limit
        self._ids = ids

    async def publish(self, to: Address, request: cmd.Request) -> cmd.Reply:
        """Adds a stream, or moves the session's own stream of that id to what a new offer says."""
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
            raise stream_units.rejection_of(error) if isinstance(error, ClaimRefused) else error from None
        if done.repeated:
            await self._transports.close_unanswered(answer, done.answer)
        else:
            await self._stop_on_old_transport(before, answer)
        return reply_of(done)

    async def stop(self, to: Address, request: cmd.Request) -> cmd.Reply:
        """Ends the session's stream, and its transport where the command says so."""
        body = request.body
        assert isinstance(body, cmd.StopPublish)
        before = (await self._cache.load(to.app, to.room)).state.streams.get(body.stream_id)
        done = await self._change(
            call_of(to, request), domain.RemoveStream(body.session_id, body.stream_id), request.caller, body.stream_id
        )
        if before is not None and before.session_id == body.session_id:
            if body.close_transport:
                await self._transports.close(before.node, before.transport_id)
            else:
                await self._transports.stop_publish(before.node, before.transport_id, before.stream_id)
        return reply_of(done)

    async def set_extra(self, to: Address, request: cmd.Request) -> cmd.Reply:
        """Changes the stream's extra information."""
        body = request.body
        assert isinstance(body, cmd.SetStreamExtraInfo)
        call = call_of(to, request)
        return reply_of(
            await self._change(call, domain.SetExtra(body.session_id, body.stream_id, body.extra_info), request.caller)
        )

    async def set_mutes(self, to: Address, request: cmd.Request) -> cmd.Reply:
        """Changes which of the stream's media are muted; at most so many times a second for one stream."""
        body = request.body
        assert isinstance(body, cmd.SetMutes)
        call = call_of(to, request)
        key = (str(call.app), call.room, body.session_id, body.stream_id)  # other sessions' attempts do not count
        if self._rates.hit(call, (self._mute_limit, key)):
            raise Rejection.of(
                Code.RATE_LIMITED, "a stream's mutes change too often", field="streamID", limit=str(self._mute_limit),
                hint="wait for the answer before the next change",
            )  # fmt: skip
        mutes = domain.Mutes(body.audio_muted, body.video_muted)
        return reply_of(
            await self._change(call, domain.SetMutes(body.session_id, body.stream_id, mutes), request.caller)
        )

    async def restart_ice(self, to: Address, request: cmd.Request) -> cmd.Reply:
        """Restarts ICE on a transport by a new offer; appends nothing."""
        body = request.body
        assert isinstance(body, cmd.RestartIce)
        found = await self._transports.find(body.transport_id, body.session_id)
        offer = Offer(to.app, to.room, body.session_id, body.sdp, request.command_id, body.transport_id)
        answer = await self._transports.negotiate(msgspec.structs.replace(offer, resource=found.resource), found.node)
        return cmd.Reply(msgspec.Raw(msgspec.json.encode(cmd.Published(answer.transport_id, answer.sdp, answer.node))))

    async def _admit(self, to: Address, body: cmd.Publish) -> tuple[Loaded[domain.State], domain.Stream | None]:
        """Checks the rules on the state in memory, then (where they refuse) on the log's, after an absent holder of the id was evicted."""
        loaded = await self._cache.load(to.app, to.room)
        try:
            return loaded, domain.check_publish(loaded.state, body.session_id, body.stream_id, body.extra_info)
        except Rejection:
            await self._leavers.evict_absent_holder(to.app, body.stream_id)
        loaded = await self._cache.load(to.app, to.room, fresh=True)
        return loaded, domain.check_publish(loaded.state, body.session_id, body.stream_id, body.extra_info)

    async def _reserve(self, key: LogKey, call: Call, caller: cmd.Caller, stream_id: str) -> None:
        """Takes the stream id before the relay is asked, in a unit of claims alone with a command id of its own."""
        present = stream_units.require_session(key, caller)
        taken = stream_units.take_stream(key, caller.session_id, caller.actor, stream_id)
        for last in (False, True):
            draft = Draft(call.app, self._ids.uuid7(), call.principal, call.digest, claims=(present, taken))
            try:
                await self._committer.commit(draft)
                return
            except ClaimRefused as error:
                is_taken = error.claim.kind == LIVE_STREAM
                if last or not is_taken or not await self._leavers.evict_absent_holder(key.app, stream_id):
                    raise stream_units.rejection_of(error) from None

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
        stream = domain.Stream(
            body.stream_id, body.session_id, caller.actor, answer.node, answer.transport_id, body.extra_info,
            bound.codec, bool(bound.media.audio_mid), bool(bound.media.video_mid),
        )  # fmt: skip
        result = cmd.Published(answer.transport_id, answer.sdp, answer.node)

        def decide(loaded: Loaded[domain.State]) -> Draft:
            changes = self._decider.changes(loaded, domain.PutStream(stream))
            assert loaded.key is not None, "a room in which somebody publishes was opened"
            taken = stream_units.take_stream(loaded.key, body.session_id, caller.actor, body.stream_id)
            present = stream_units.require_session(loaded.key, caller)
            return call.draft(*changes, result=result, claims=(present, taken))

        return await decide_and_commit(self._cache, self._committer, call, decide)

    async def _change(self, call: Call, command: domain.StreamCommand, caller: cmd.Caller, released: str = "") -> Done:
        """Commits a change of the caller's own stream that asks no relay first; `released` is the stream id that it gives up."""

        def decide(loaded: Loaded[domain.State]) -> Draft:
            changes = self._decider.changes(loaded, command)
            if loaded.key is None or not released or not changes:
                return call.draft(*changes)
            release = stream_units.release_stream(loaded.key, caller.session_id, caller.actor, released)
            return call.draft(*changes, claims=(release,))

        return await decide_and_commit(self._cache, self._committer, call, decide)

    async def _undo(
        self, key: LogKey, call: Call, body: cmd.Publish, answer: Answer, before: domain.Stream | None
    ) -> None:
        """Takes back what the relay did and the claim, since the append was refused."""
        if before is None or before.transport_id != answer.transport_id:
            await self._transports.close_if_new(answer)
            if not answer.new:
                await self._transports.stop_publish(answer.node, answer.transport_id, body.stream_id)
        if before is None:
            await self._release(key, call, body)

    async def _release(self, key: LogKey, call: Call, body: cmd.Publish) -> None:
        """Gives the stream id back, unless the same command, repeated meanwhile, has added the stream."""
        free = stream_units.release_stream(key, body.session_id, call.actor, body.stream_id)
        aside = Call(call.app, call.room, self._ids.uuid7(), call.principal, call.digest)

        def decide(loaded: Loaded[domain.State]) -> Draft:
            if loaded.key != key or not loaded.open:
                return aside.draft(claims=(free,))
            stream = loaded.state.streams.get(body.stream_id)
            if stream is not None and stream.session_id == body.session_id:
                return aside.draft()
            # without an event, but refused where a stream was added meanwhile
            unchanged = Change(key, domain.AGGREGATE, loaded.version, ())
            return aside.draft(unchanged, claims=(free,))

        await decide_and_commit(self._cache, self._committer, aside, decide)

    async def _stop_on_old_transport(self, before: domain.Stream | None, answer: Answer) -> None:
        if before is not None and before.transport_id != answer.transport_id:
            await self._transports.stop_publish(before.node, before.transport_id, before.stream_id)
