"""The port of the key store that seals and opens personal text."""

from typing import Protocol


class UserKeyStore(Protocol):
    """Keeps a random id and a key for each user of an app.

    Sealed text (`parlour.contracts.sealed_text`) is bound to actor, type and field.
    """

    @property
    def erasures(self) -> int:
        """The number of erasures that this process knows of: a cache of opened text is dropped when it grows."""
        ...

    async def actor(self, app: int, user_id: str) -> str:
        """Returns the user's random id, which the first call creates; after an erasure it is a new one."""
        ...

    async def known(self, app: int, user_id: str) -> str | None:
        """Returns the user's random id if there is one."""
        ...

    async def user_ids(self, actors: frozenset[str]) -> dict[str, str]:
        """Returns the user ids of those that are not erased."""
        ...

    async def load(self, actors: frozenset[str]) -> None:
        """Loads the keys that `seal` and `open` need."""
        ...

    def seal(self, actor: str, context: str, text: str) -> str:
        """Seals a text with the actor's loaded key. `context` is `type/field`."""
        ...

    def open(self, context: str, sealed: str) -> str | None:
        """Returns the text; None if its owner is erased, ValueError if it was not sealed for this context."""
        ...

    def salt(self, context: str, sealed: str) -> bytes | None:
        """Returns the salt that proves the text against its commitment: empty if it has none, None if its owner is erased."""
        ...
