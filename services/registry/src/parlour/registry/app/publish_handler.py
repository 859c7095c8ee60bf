"""Handles the commands of publishers: publish, stop, extra information, mutes, ICE restart.

Publishing takes four steps: the rules, the claim on the stream id, the relay's answer, the append; in this order, so that a racing
publisher never touches the relay's stream, and nothing is acknowledged before it is in the log. What the relay did is undone where the
append is refused.
"""

import msgspec

from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.relay import Negotiate, PublishMedia, StopPublish
from parlour.kernel.log import Append, AppendUnit, Claim, LogKey
from parlour.kernel.rejection import Rejection
from parlour.registry.domain import streams as domain
from parlour.runtime.deciding.context import ClaimRefused, CommandContext, CommitResult, reply_of
from parlour.runtime.deciding.state_cache import RoomSnapshot
from parlour.runtime.rate_limiter import RateLimit, RateLimiter

from . import stream_units
from .leaver_reactor import LeaverReactor
from .stream_units import LIVE_STREAM, StreamDecider
from .transports import RelayAnswer, TransportController, owner_of


class PublishHandler(msgspec.Struct, frozen=True):
    """Handles Publish, StopPublish, SetStreamExtraInfo, SetMutes and RestartIce. Each method returns after the commit."""

    decider: StreamDecider
    transports: TransportController
    leavers: LeaverReactor
    rates: RateLimiter
    mute_limit: RateLimit

    async def publish(self, context: CommandContext, body: cmd.Publish) -> cmd.Reply:
        """Adds a stream, or moves the session's own stream of that id to what a new offer says."""
        loaded, before = await self._admit(context, body)
        key = loaded.key
        assert key is not None, "an open room has a log"
        if body.transport_id:
            node = (await self.transports.find(body.transport_id, body.session_id)).node
        else:
            node = await self.transports.place()
        if before is None:
            await self._reserve(key, context, body)
        answer = await self._negotiate(key, context, body, node, reserved=before is None)
        try:
            done = await self._append(context, body, answer)
        except (ClaimRefused, Rejection) as error:
            # only a certain no is undone: what may be in the log after all is settled by the same command coming again
            await self._undo(key, context, body, answer, before)
            raise stream_units.rejection_of(error) if isinstance(error, ClaimRefused) else error from None
        if done.repeated:
            await self.transports.close_unanswered(answer, done.answer)
        elif before is not None and before.transport_id != answer.transport_id and not self._moves(before):
            await self.transports.request_quietly(before.node, StopPublish(before.transport_id, before.stream_id))
        return reply_of(done)

    def _moves(self, before: domain.Stream) -> bool:
        """Whether the stream leaves a draining node: its players there get it until they have moved too, then the client closes it."""
        return self.transports.nodes.is_draining(before.node)

    async def stop(self, context: CommandContext, body: cmd.StopPublish) -> cmd.Reply:
        """Ends the session's stream, and its transport where the command says so."""
        before = (await self.decider.rooms.load(context.app, context.room)).state.streams.get(body.stream_id)
        reply = await self._commit(context, domain.RemoveStream(body.session_id, body.stream_id))
        if before is not None and before.session_id == body.session_id:
            if body.close_transport:
                await self.transports.close(before.node, before.transport_id)
            else:
                await self.transports.request_quietly(before.node, StopPublish(before.transport_id, before.stream_id))
        return reply

    async def set_extra(self, context: CommandContext, body: cmd.SetStreamExtraInfo) -> cmd.Reply:
        """Changes the stream's extra information."""
        return await self._commit(context, domain.SetExtra(body.session_id, body.stream_id, body.extra_info))

    async def set_mutes(self, context: CommandContext, body: cmd.SetMutes) -> cmd.Reply:
        """Changes which of the stream's media are muted; at most so many times a second for one stream."""
        key = (str(context.app), context.room, body.session_id, body.stream_id)  # other sessions' attempts do not count
        if self.rates.hit(context, (self.mute_limit, key)):
            raise Rejection(
                Code.RATE_LIMITED, "a stream's mutes change too often", field="streamID", limit=str(self.mute_limit),
                hint="wait for the answer before the next change",
            )  # fmt: skip
        mutes = domain.Mutes(body.audio_muted, body.video_muted)
        return await self._commit(context, domain.SetMutes(body.session_id, body.stream_id, mutes))

    async def restart_ice(self, context: CommandContext, body: cmd.RestartIce) -> cmd.Reply:
        """Restarts ICE on a transport by a new offer; appends nothing."""
        found = await self.transports.find(body.transport_id, body.session_id)
        offer = Negotiate(context.app, found.owner, body.sdp, body.transport_id, command_id=context.command_id)
        answer = await self.transports.negotiate(context.room, found.node, offer)
        return cmd.Reply.with_result(cmd.Published(answer.transport_id, answer.sdp, answer.node))

    async def _admit(
        self, context: CommandContext, body: cmd.Publish
    ) -> tuple[RoomSnapshot[domain.State], domain.Stream | None]:
        """Checks the rules on the state in memory, then (where they refuse) on the log's, after an absent holder of the id was evicted."""
        loaded = await self.decider.rooms.load(context.app, context.room)
        try:
            return loaded, domain.check_publish(loaded.state, body.session_id, body.stream_id, body.extra_info)
        except Rejection:
            await self.leavers.evict_absent_holder(context.app, body.stream_id)
        loaded = await self.decider.rooms.load(context.app, context.room, fresh=True)
        return loaded, domain.check_publish(loaded.state, body.session_id, body.stream_id, body.extra_info)

    async def _reserve(self, key: LogKey, context: CommandContext, body: cmd.Publish) -> None:
        """Takes the stream id before the relay is asked, in a unit of claims alone with a command id of its own."""
        for last in (False, True):
            draft = AppendUnit(
                context.app,
                self.decider.ids.uuid7(),
                context.principal,
                context.digest,
                claims=_claims(key, context, body),
            )
            try:
                await self.decider.rooms.committer.commit(draft)
                return
            except ClaimRefused as error:
                is_taken = error.claim.kind == LIVE_STREAM
                if last or not is_taken or not await self.leavers.evict_absent_holder(key.app, body.stream_id):
                    raise stream_units.rejection_of(error) from None

    async def _negotiate(
        self, key: LogKey, context: CommandContext, body: cmd.Publish, node: str, *, reserved: bool
    ) -> RelayAnswer:
        media = PublishMedia(body.stream_id, body.media, body.codec, str(key.uid))
        offer = Negotiate(
            context.app, owner_of(body), body.sdp, body.transport_id, (media,), (), context.command_id, context.actor
        )
        try:
            return await self.transports.negotiate(context.room, node, offer)
        except BaseException:
            if reserved:
                await self._release(key, context, body)
            raise

    async def _append(self, context: CommandContext, body: cmd.Publish, answer: RelayAnswer) -> CommitResult:
        bound = answer.published(body.stream_id)
        stream = domain.Stream(
            body.stream_id, body.session_id, context.actor, answer.node, answer.transport_id, body.extra_info,
            bound.codec, bool(bound.media.audio_mid), bool(bound.media.video_mid),
        )  # fmt: skip
        result = cmd.Published(answer.transport_id, answer.sdp, answer.node)

        def decide(loaded: RoomSnapshot[domain.State]) -> AppendUnit:
            changes = self.decider.decide(loaded, domain.PutStream(stream)).changes
            assert loaded.key is not None, "an open room has a log"
            return context.make_unit(*changes, result=result, claims=_claims(loaded.key, context, body))

        return await self.decider.rooms.decide_and_commit(context, decide)

    async def _commit(self, context: CommandContext, command: domain.StreamCommand) -> cmd.Reply:
        """Commits a change of the caller's own stream that asks no relay first."""
        return reply_of(await self.decider.commit(context, command))

    async def _undo(
        self, key: LogKey, context: CommandContext, body: cmd.Publish, answer: RelayAnswer, before: domain.Stream | None
    ) -> None:
        """Takes back what the relay did and the claim, since the append was refused."""
        if before is None or before.transport_id != answer.transport_id:
            await self.transports.close_if_new(answer)
            if not answer.new:
                await self.transports.request_quietly(answer.node, StopPublish(answer.transport_id, body.stream_id))
        if before is None:
            await self._release(key, context, body)

    async def _release(self, key: LogKey, context: CommandContext, body: cmd.Publish) -> None:
        """Gives the stream id back, unless the same command, repeated meanwhile, has added the stream."""
        free = stream_units.release_stream(key, body.session_id, context.actor, body.stream_id)
        aside = CommandContext(context.app, context.room, self.decider.ids.uuid7(), context.principal, context.digest)

        def decide(loaded: RoomSnapshot[domain.State]) -> AppendUnit:
            if loaded.key != key or not loaded.open:
                return aside.make_unit(claims=(free,))
            stream = loaded.state.streams.get(body.stream_id)
            if stream is not None and stream.session_id == body.session_id:
                return aside.make_unit()
            # without an event, but refused where a stream was added meanwhile
            unchanged = Append(key, domain.AGGREGATE, loaded.version, ())
            return aside.make_unit(unchanged, claims=(free,))

        await self.decider.rooms.decide_and_commit(aside, decide)


def _claims(key: LogKey, context: CommandContext, body: cmd.Publish) -> tuple[Claim, Claim]:
    """The session is in the room, and the stream id is its own."""
    present = stream_units.require_session(key, body.session_id, context.actor)
    return present, stream_units.take_stream(key, body.session_id, context.actor, body.stream_id)
