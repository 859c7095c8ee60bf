"""Checks the opened texts of an export: each is compared with the commitment to it inside the hashed bytes.

The user id beside an event is compared with the one that its user joined under, which is such a text. Texts that can't be compared are
counted, so that the verdict says how much of the file rests on the server's word.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from parlour.contracts.events import UserJoined
from parlour.contracts.sealed_text import (
    SALT_BYTES,
    SEALED_FIELDS,
    SealedText,
    owner_of,
    parse_sealed,
    text_commitment,
)

from .layout import Line
from .verdict import TextCounts

USERS_COMPARED = 100_000
"""The most users that are remembered, so that memory does not grow with the file. Later ones are exported without a user id."""
USER_ID = "userID"


class JoinedUsers:
    """The user ids that an export may show: those under which a user joined in the same file, where the id is a text with a commitment.

    Writer and verifier of an export feed it the same events, in the order of the file.
    """

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def learn(self, type_: str, actor: str, user_id: object) -> None:
        """Learns a user id from a join event; `user_id` is its opened text, empty where the user is erased."""
        if type_ == UserJoined.TAG and isinstance(user_id, str) and user_id and len(self._ids) < USERS_COMPARED:
            self._ids[actor] = user_id

    def get(self, actor: str) -> str:
        """The id that an actor joined under; empty where no event so far named it."""
        return self._ids.get(actor, "")


def commitment_matches(sealed: SealedText, salt: bytes, context: str, text: str) -> bool:
    """Whether the commitment in `sealed` is to this text, with this salt, in this field (`context` is type/field)."""
    return text_commitment(salt, sealed.actor, context, text) == sealed.commitment


class TextChecks:
    """Checks texts and user ids of one export, event by event."""

    def __init__(self) -> None:
        self._checked = self._unproven = self._withheld = 0
        self._users = JoinedUsers()
        self._shown_of: set[str] = set()
        self._withheld_of: Counter[str] = Counter()

    def counts(self) -> TextCounts:
        """How many texts were checked so far, and how many could not be."""
        left_out = sum(self._withheld_of[actor] for actor in self._shown_of & self._withheld_of.keys())
        return TextCounts(self._checked, self._unproven, self._withheld, left_out)

    def count_withheld(self, type_: str, stored: Mapping[str, Any]) -> None:
        """Counts the texts of an event that is not shown."""
        for name in SEALED_FIELDS.get(type_, ()):
            if text := stored.get(name):
                self._count_withheld(str(text))

    def text_problem(self, type_: str, shown: Mapping[str, Any], stored: Mapping[str, Any], line: Line) -> str:
        """Says what is shown in a sealed field and was not recorded there; empty where all agrees."""
        names = SEALED_FIELDS.get(type_, ())
        for name in names:
            if problem := self._problem(f"{type_}/{name}", shown.get(name), stored.get(name), line, name):
                return problem
        for name in line.salts:
            if name not in names or not shown.get(name):
                return f"a salt is given for {name}, which shows no text"
        if line.erased and any(shown.get(name) for name in names):
            return "its user is said to be erased, but a text of that user is shown"
        if USER_ID in names and (sealed := stored.get(USER_ID)):
            self._users.learn(type_, owner_of(sealed), shown.get(USER_ID))
        return ""

    def user_problem(self, actor: str, line: Line) -> str:
        """Says that the user id beside an event is not the one that its user joined under; empty where it is."""
        joined = self._users.get(actor)
        if not line.user or line.user == joined:
            return ""
        why = f"who joined as {brief(joined)}" if joined else "but no event before says whose it is"
        return f"user is shown as {brief(line.user)}, {why}"

    def _problem(self, context: str, text: object, stored: object, line: Line, name: str) -> str:
        if not stored:
            return "" if text == stored else f"{name} is shown as {brief(text)}, but nothing was recorded there"
        if not isinstance(text, str) or not isinstance(stored, str):
            return f"{name} is shown as {brief(text)}, which is no text"
        if text == "":
            self._count_withheld(stored)
            return "" if line.erased else f"{name} is shown empty, but a text was recorded and nobody was erased"
        try:
            sealed = parse_sealed(stored)
        except ValueError as error:
            return f"{name}: {error}"
        return self._opened_problem(sealed, context, text, line.salts.get(name, b""), name)

    def _opened_problem(self, sealed: SealedText, context: str, text: str, salt: bytes, name: str) -> str:
        if len(self._shown_of) < USERS_COMPARED:
            self._shown_of.add(sealed.actor)
        if not sealed.commitment:
            self._unproven += 1
            return "" if not salt else f"a salt is given for {name}, which was recorded without a commitment"
        if len(salt) != SALT_BYTES:
            found = f"a salt of {len(salt)} bytes" if salt else "no salt"
            return f"{name} is shown with {found}, so that it can't be checked; it takes {SALT_BYTES} bytes"
        if not commitment_matches(sealed, salt, context, text):
            why = "which is not what was recorded: its commitment is to another text"
            return f"{name} is shown as {brief(text)}, {why}"
        self._checked += 1
        return ""

    def _count_withheld(self, stored: str) -> None:
        self._withheld += 1
        if len(self._withheld_of) < USERS_COMPARED:
            self._withheld_of[owner_of(stored)] += 1


def brief(value: object) -> str:
    """A value as JSON for an error text, cut to 80 characters."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 80 else f"{text[:77]}..."
