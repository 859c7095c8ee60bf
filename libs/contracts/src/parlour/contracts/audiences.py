"""Who may see an event follows from its hashed bytes.

The record's `audience` column says the same, but anybody who has the database can change that. `audience_of_stored` is for readers,
`parlour.audience_of` in SQL for `parlour.verify`. The SQL is made from the contracts: where an event type comes or goes,
`python -m parlour.contracts.audiences` writes `migrations/sql/functions/audience_of.sql` anew, and a migration loads it.
"""

import msgspec

from .events import ALL, BY_TAG, Audience, CommandSent

UNKNOWN = Audience.AUDIT
"""Of a type that this version does not know: nobody is shown what nobody here has judged."""


class _Named(msgspec.Struct):
    to: tuple[str, ...] = ()


_named = msgspec.json.Decoder(_Named).decode

_HEAD = """-- Who may see an event: it follows from its type, and of a command from whether it names anybody. Null for an unknown type.
-- Made from the contracts by `python -m parlour.contracts.audiences`.
CREATE OR REPLACE FUNCTION parlour.audience_of(of_type text, of_data jsonb) RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (CASE"""


def audience_of_stored(type_: str, data: msgspec.Raw) -> Audience:
    """Returns who may see a stored event, from its type and its data, sealed or opened."""
    kind = BY_TAG.get(type_)
    if kind is None:
        return UNKNOWN
    if kind is CommandSent and not _named(data).to:
        return Audience.MEMBERS
    return kind.AUDIENCE


def function_sql() -> str:
    """Returns the SQL statement that creates the same function in the database."""
    lines = [_HEAD]
    for audience in Audience:
        tags = sorted(event.TAG for event in ALL if audience == event.AUDIENCE and event is not CommandSent)
        if tags:
            listed = ",\n            ".join(f"'{tag}'" for tag in tags)
            lines.append(f"        WHEN of_type IN (\n            {listed}) THEN {int(audience)}")
    named = f"CASE WHEN coalesce(of_data -> 'to', '[]') IN ('[]', 'null') THEN {int(Audience.MEMBERS)} ELSE {int(Audience.NAMED)} END"
    lines.append(f"        WHEN of_type = '{CommandSent.TAG}' THEN\n            {named}")
    lines.append("    END)::smallint\n$$;\n")
    return "\n".join(lines)


if __name__ == "__main__":
    print(function_sql(), end="")  # noqa: T201 a generator's output
