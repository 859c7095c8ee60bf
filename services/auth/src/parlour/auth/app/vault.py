"""The port of the store of apps' secrets."""

from typing import Protocol

from parlour.contracts.commands import AppDescription


class Vault(Protocol):
    """Secrets by id, sealed at rest. A secret never changes; the app's log says which of them are valid."""

    async def put(self, app: AppDescription, secret_id: str, secret: str) -> None:
        """Stores a secret (and the app); what is stored already stays as it is."""
        ...

    async def secret(self, secret_id: str) -> str | None:
        """The secret's 32 characters; None where there is none of that id."""
        ...

    async def secrets(self, secret_ids: tuple[str, ...]) -> tuple[str, ...]:
        """The secrets that are stored, in this order; from memory where they were read before."""
        ...

    async def apps(self) -> tuple[AppDescription, ...]:
        """The apps that exist, by id."""
        ...
