"""The user ids that an export may show: those under which a user joined in the same file, where the id is a text with a commitment."""

from parlour.contracts.events import UserJoined

USERS_COMPARED = 100_000
"""The most users that are remembered, so that memory does not grow with the file. Later ones are exported without a user id."""
USER_ID = "userID"


class JoinedUsers:
    """User ids by actor, in the order of the file. Writer and verifier of an export feed it the same events."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def learn(self, type_: str, actor: str, user_id: object) -> None:
        """Learns a user id from a join event; `user_id` is its opened text, empty where the user is erased."""
        if type_ == UserJoined.TAG and isinstance(user_id, str) and user_id and len(self._ids) < USERS_COMPARED:
            self._ids[actor] = user_id

    def get(self, actor: str) -> str:
        """The id that an actor joined under; empty where no event so far named it."""
        return self._ids.get(actor, "")
