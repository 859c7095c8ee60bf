"""Handles the commands of players, and describes which streams are played."""

import msgspec

from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.live import LiveStream, LiveStreams
from parlour.contracts.relay import Negotiate, PlayMedia, StopPlay
from parlour.kernel.log import AppendUnit
from parlour.kernel.rejection import Rejection
from parlour.registry.domain import streams as domain
from parlour.runtime.deciding.context import ClaimRefused, CommandContext, CommitResult, reply_of
from parlour.runtime.deciding.state_cache import RoomSnapshot

from . import stream_units
from .stream_units import StreamDecider
from .transports import RelayAnswer, TransportController, owner_of


class PlayHandler(msgspec.Struct, frozen=True):
    """Handles Play, StopPlay and DescribeStreams. Each method returns after the commit."""

    decider: StreamDecider
    transports: TransportController

    async def play(self, context: CommandContext, body: cmd.Play) -> cmd.Reply:
        """Has the stream's node send it to the session; what the relay did is undone where the append is refused."""
        loaded, stream = await self._admit(context, body)
        if body.transport_id:
            _check_same_node(stream, (await self.transports.find(body.transport_id, body.session_id)).node)
        answer = await self._negotiate(context, stream.node, body, loaded)
        try:
            done = await self._append(context, body, answer)
        except (ClaimRefused, Rejection) as error:
            await self._undo(body, answer)
            raise stream_units.rejection_of(error) if isinstance(error, ClaimRefused) else error from None
        if done.repeated:
            await self.transports.close_unanswered(answer, done.answer)
        return reply_of(done)

    async def stop(self, context: CommandContext, body: cmd.StopPlay) -> cmd.Reply:
        """Ends a play on one transport, which is closed then, or on all."""
        before = (await self.decider.rooms.load(context.app, context.room)).state.plays.get(
            (body.session_id, body.stream_id)
        )
        end = domain.EndPlay(body.session_id, body.stream_id, body.transport_id)
        done = await self.decider.commit(context, end)
        if body.transport_id:
            await self.transports.close_own(body.transport_id, body.session_id)
        elif before is not None:
            for transport_id in before.transports:
                await self.transports.request_quietly(before.node, StopPlay(transport_id, before.stream_id))
        return reply_of(done)

    async def describe(self, context: CommandContext, body: cmd.DescribeStreams) -> cmd.Reply:
        """Answers with the streams that this replica has in memory, and who plays them."""
        loaded = await self.decider.rooms.load(context.app, context.room)
        streams = tuple(
            LiveStream(s.stream_id, s.session_id, s.node, s.transport_id, _players_of(loaded.state, s.stream_id))
            for _, s in sorted(loaded.state.streams.items())
            if isinstance(loaded.state, domain.Open)
        )
        live = LiveStreams(str(loaded.key.uid) if loaded.key else "", streams)
        return cmd.Reply.with_result(live, loaded.position)

    async def _negotiate(
        self, context: CommandContext, node: str, body: cmd.Play, loaded: RoomSnapshot[domain.State]
    ) -> RelayAnswer:
        """Negotiates the play. A node that does not carry a stream of the room has lost its transport: the publisher may come back."""
        media = PlayMedia(body.stream_id, body.media, str(loaded.key.uid) if loaded.key else "")
        offer = Negotiate(
            context.app, owner_of(body), body.sdp, body.transport_id, (), (media,), context.command_id, context.actor
        )
        try:
            return await self.transports.negotiate(context.room, node, offer)
        except Rejection as rejection:
            if rejection.problem.code != Code.PLAY_NO_STREAM:
                raise
            raise Rejection(
                Code.UNAVAILABLE, "the stream is not carried at the moment", field="streamID", hint="try again"
            ) from None

    async def _admit(self, context: CommandContext, body: cmd.Play) -> tuple[RoomSnapshot[domain.State], domain.Stream]:
        loaded = await self.decider.rooms.load(context.app, context.room)
        try:
            return loaded, domain.check_play(loaded.state, body.stream_id)
        except Rejection:
            loaded = await self.decider.rooms.load(context.app, context.room, fresh=True)
            return loaded, domain.check_play(loaded.state, body.stream_id)

    async def _append(self, context: CommandContext, body: cmd.Play, answer: RelayAnswer) -> CommitResult:
        start = domain.StartPlay(body.session_id, context.actor, body.stream_id, answer.transport_id)
        result = cmd.Published(answer.transport_id, answer.sdp, answer.node)

        def decide(loaded: RoomSnapshot[domain.State]) -> AppendUnit:
            changes = self.decider.decide(loaded, start).changes
            assert loaded.key is not None, "a room with streams was opened"
            present = stream_units.require_session(loaded.key, body.session_id, context.actor)
            return context.make_unit(*changes, result=result, claims=(present,))

        return await self.decider.rooms.decide_and_commit(context, decide)

    async def _undo(self, body: cmd.Play, answer: RelayAnswer) -> None:
        if answer.new:
            await self.transports.close(answer.node, answer.transport_id)
        else:
            await self.transports.request_quietly(answer.node, StopPlay(answer.transport_id, body.stream_id))


def _check_same_node(stream: domain.Stream, node: str) -> None:
    if stream.node != node:
        raise Rejection(Code.NOT_FOUND, "the stream is on another relay node", field="transportID",
                           hint="offer on a new peer connection, without transportID")  # fmt: skip


def _players_of(state: domain.State, stream_id: str) -> tuple[str, ...]:
    return tuple(sorted(play.session_id for play in state.plays.values() if play.stream_id == stream_id))
