"""The reference pages of events and codes, written from the contracts."""

import msgspec

from parlour.contracts import events
from parlour.contracts.codes import Code, title_of


def events_page() -> str:
    """Builds the page of event types: audience, fields with types, which of them are sealed, and what each event means."""
    parts = [
        "# Events\n",
        "Written from the contracts by `make docs`; the machine-readable form is [contracts.json](contracts.json).",
        "Sealed fields are stored under the person's key and opened for readers. Names as on the wire.\n",
    ]
    for event in events.ALL:
        parts.append(f"## `{event.TAG}`\n")
        parts.append(
            f"{' '.join((event.__doc__ or '').split())} Audience: {event.AUDIENCE.name.lower()}. Part of `{event.AGGREGATE}`.\n"
        )
        parts.append("| field | type | sealed | default |\n|---|---|---|---|")
        parts.extend(_row(event, field) for field in msgspec.structs.fields(event))
        parts.append("")
    return "\n".join(parts)


def codes_page() -> str:
    """Builds the page of the codes that a client may see."""
    rows = [f"| {int(code)} | {title_of(code)} |" for code in sorted(Code, key=int)]
    head = (
        "# Codes\n\nWritten from the contracts by `make docs`. Codes below 9,000,000 are those of the seeds' vendor.\n"
    )
    return "\n".join([head, "| code | meaning |", "|---|---|", *rows, ""])


def _row(event: type[events.Event], field: msgspec.structs.FieldInfo) -> str:
    sealed = "yes" if field.name in events.personal_fields(event) else ""
    default = "" if field.required else f"`{field.default!r}`"
    return f"| `{field.encode_name}` | {_kind(field.type)} | {sealed} | {default} |"


def _kind(kind: object) -> str:
    text = str(kind)
    for name, spoken in (("tuple", "list of text"), ("bool", "true or false"), ("int", "number")):
        if name in text.split(",")[0]:
            return spoken
    return "text"
