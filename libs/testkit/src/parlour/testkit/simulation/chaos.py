"""Chaos while clients act: their transports break, and an operator kicks users and closes rooms."""

import asyncio
from collections import Counter
from uuid import UUID

from parlour.contracts import commands as cmd
from parlour.kernel.rejection import Rejection
from parlour.runtime.messaging.bus import Bus

from .client import APP
from .script import ROOMS, Actor
from .world import World

ROUND_S = 0.5
UNUSED_ROUNDS = 10
"""How many rounds a transport that no client knows may wait for a client to connect."""
LOSS_CHANCE, COMMAND_CHANCE = 0.08, 0.04
"""Of a transport's loss, and of an operator's command, in one round."""


class Chaos:
    """Breaks transports, kicks users and closes rooms by chance."""

    def __init__(self, world: World, actors: list[Actor], operator: Bus) -> None:
        self._world = world
        self._actors = actors
        self._operator = operator
        self._chance = world.chance
        self.calm = False
        self._alone: Counter[str] = Counter()

    async def run(self) -> None:
        """Runs until it is cancelled; once `calm` is set, only transports that no client uses break."""
        while True:
            await asyncio.sleep(ROUND_S)
            for node in [node for node in self._world.relays.values() if node.up]:
                for transport_id in tuple(node.transports):
                    if self._breaks(transport_id):
                        self._world.note(f"lost {transport_id}")
                        await node.lose(transport_id, "ice_timeout")
            if not self.calm and self._chance.random() < COMMAND_CHANCE:
                await self._send_command()

    def _breaks(self, transport_id: str) -> bool:
        if not self.calm:
            return self._chance.random() < LOSS_CHANCE
        held = (a.client.transports for a in self._actors if a.client.room and not a.gone and not a.client.final)
        if any(transport_id in transports for transports in held):
            return False
        self._alone[transport_id] += 1
        return self._alone[transport_id] > UNUSED_ROUNDS

    async def _send_command(self) -> None:
        """Kicks a user or closes a room."""
        room, user = self._chance.choice(ROOMS), self._chance.choice(self._actors).client.user
        body = cmd.CloseRoom() if self._chance.random() < 0.3 else cmd.KickUser(user)
        command_id = str(UUID(int=self._chance.getrandbits(128), version=4))
        try:
            verb = "close" if isinstance(body, cmd.CloseRoom) else "kick"
            await self._operator.ask(
                APP, "room", room, verb, cmd.Request(command_id, cmd.Caller(kind="operator"), body)
            )
            self._world.note(f"operator {verb} {room} {user}")
        except Rejection as no:
            self._world.note(f"operator {no}")
