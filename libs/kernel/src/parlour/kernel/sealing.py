"""The port behind which personal text is sealed and opened."""

from typing import Protocol


class People(Protocol):
    """Random ids and keys for people, each of an app. Sealed text (`parlour.contracts.sealed_text`) is bound to actor, type and field."""

    @property
    def erasures(self) -> int:
        """How many erasures are known of: who keeps opened text makes it anew when the number has grown."""
        ...

    async def actor(self, app: int, user_id: str) -> str:
        """The person's id, made at the first call. After erasure a new one."""
        ...

    async def known(self, app: int, user_id: str) -> str | None:
        """The person's id if there is one."""
        ...

    async def user_ids(self, actors: frozenset[str]) -> dict[str, str]:
        """The user ids of those that are not erased."""
        ...

    async def load(self, actors: frozenset[str]) -> None:
        """Brings the keys needed by `seal` and `open` into memory."""
        ...

    def seal(self, actor: str, context: str, text: str) -> str:
        """Needs a loaded key. `context` is `type/field`."""
        ...

    def open(self, context: str, sealed: str) -> str | None:
        """None: the person is erased. ValueError: the text is not what was sealed for this place."""
        ...

    def salt(self, context: str, sealed: str) -> bytes | None:
        """What discloses a text: with it anybody can check the text against its commitment. Empty: the text has none. None: the person
        is erased."""
        ...
