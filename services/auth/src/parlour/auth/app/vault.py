"""The port behind which secrets are kept."""

from typing import Protocol

from parlour.contracts.commands import AppDescription


class Vault(Protocol):
    """Secrets by id, sealed at rest. A secret never changes; which of them is valid is the app's log's to say."""

    async def put(self, app: AppDescription, secret_id: str, secret: str) -> None:
        """Keeps a secret (and the app); what is there already stays."""
        ...

    async def secret(self, secret_id: str) -> str | None:
        """The secret's 32 characters."""
        ...

    async def secrets(self, secret_ids: tuple[str, ...]) -> tuple[str, ...]:
        """Those that are there, in this order; from memory where they were asked for before."""
        ...

    async def apps(self) -> tuple[AppDescription, ...]:
        """The apps that exist, by id."""
        ...
