"""Which user ids an export may show: those of people who joined under them in the same file, where the id is a text with a commitment."""

from parlour.contracts.events import UserJoined

PEOPLE_COMPARED = 100_000
"""Far more than a room has; memory does not grow with the file. Who comes later is shown without a user id."""
USER_ID = "userID"


class JoinedUsers:
    """User ids by person, in the order of the file. Writer and verifier of an export follow it with the same events."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def take(self, type_: str, actor: str, user_id: object) -> None:
        """Learns the id from the event of a join; `user_id` is the opened text of it, empty where the person is erased."""
        if type_ == UserJoined.TAG and isinstance(user_id, str) and user_id and len(self._ids) < PEOPLE_COMPARED:
            self._ids[actor] = user_id

    def get(self, actor: str) -> str:
        """The id that a person joined under; empty where the file has not said it so far."""
        return self._ids.get(actor, "")
