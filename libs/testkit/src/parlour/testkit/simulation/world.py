"""What the players share: the record, the network, faults, and what there is to be told of a run."""

import hashlib
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from parlour.testkit.clock import VirtualClock
from parlour.testkit.log import MemoryLog
from parlour.testkit.user_keys import MemoryUserKeyStore

from .network import Switch
from .processes import Faults
from .store import Leases

if TYPE_CHECKING:
    from .relay import RelayNode
    from .sockets import Door


class World:
    """One run's surroundings."""

    def __init__(self, seed: int, clock: VirtualClock, tell: Callable[[str], None] | None = None) -> None:
        self.chance = random.Random(f"world/{seed}")
        self.clock = clock
        self.log = MemoryLog(clock.at)
        self.people = MemoryUserKeyStore(random.Random(f"people/{seed}").randbytes)
        self.faults = _faults(self.chance)
        self.switch = Switch(self.faults)
        self.leases = Leases()
        self.doors: dict[str, Door] = {}
        self.relays: dict[str, RelayNode] = {}
        self.wrong: list[str] = []
        self._tell = tell
        self._digest = hashlib.sha256()

    def note(self, what: str) -> None:
        """A step of the run; all of them together are its digest."""
        line = f"{self.clock.now():9.4f} {what}"
        self._digest.update(line.encode())
        if self._tell is not None:
            self._tell(line)

    def fault(self, what: str) -> None:
        """Something that must not happen did."""
        self.note(f"WRONG {what}")
        self.wrong.append(what)

    @property
    def digest(self) -> str:
        """Equal for runs that went the same way."""
        return self._digest.hexdigest()[:16]


def _faults(chance: random.Random) -> Faults:
    """A mood for the run: some are calm, some lose much, some kill much."""
    loss = chance.choice((0.0, 0.02, 0.1))
    return Faults(
        chance, kills=chance.choice((0, 2, 6)), loss=loss, repeat=chance.choice((0.0, 0.05)), late=chance.choice((0.0, 0.05)),
        log_away=chance.choice((0.0, 0.01)),
    )  # fmt: skip
