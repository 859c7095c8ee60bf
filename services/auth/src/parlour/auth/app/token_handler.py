"""What the handlers of login tokens and of subscription tokens share: how a token is issued, so that the log never has the token itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from parlour.auth.domain.application import AppCommand, State
from parlour.contracts.codes import Code
from parlour.kernel.decider import Clock
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import UserKeyStore
from parlour.runtime.deciding.context import CommandContext, CommitResult

from .app_log import AppAggregate, require_app
from .refusal_counter import RefusalCounter
from .vault import Vault


class TokenSeed(msgspec.Struct, frozen=True):
    """The stored answer to a command that issues a token: what the same token can be made of again, without the token."""

    secret_id: str


Seed = TypeVar("Seed", bound=TokenSeed)


class TimeLimits(msgspec.Struct, frozen=True):
    """How far the clocks of token makers may be off, and for how long a login token may still be valid; both in seconds."""

    leeway_s: int
    longest_s: int


@dataclass(eq=False, repr=False)
class TokenHandler:
    """Base of both handlers. `refusals` counts the tokens that are refused."""

    apps: AppAggregate[State, AppCommand]
    people: UserKeyStore
    vault: Vault
    clock: Clock
    refusals: RefusalCounter
    limits: TimeLimits

    async def issue_seed(
        self, context: CommandContext, command: AppCommand, now_s: int, make: Callable[[str], Seed], kind: type[Seed]
    ) -> tuple[CommitResult, Seed, str]:
        """Commits that a token is issued; returns its seed, made of the id of the newest secret or as a repeated command stored it, and
        that secret. `Rejection` where there is no such app, or where the vault has the secret no more.
        """

        def seed_of(app: State) -> Seed:
            return make(require_app(context.app, app).valid(now_s)[0])

        done = await self.apps.commit(context, command, seed_of, versioned=False)
        seed = msgspec.json.decode(done.answer, type=kind)
        secret = await self.vault.secret(seed.secret_id)
        if secret is None:
            raise Rejection(Code.UNAVAILABLE, "the app's secret is not readable", hint="check the master key")
        return done, seed, secret
