"""Secrets in files: a variable `NAME_FILE` names the file with the value of `NAME`, as container platforms mount secrets."""

from collections.abc import Mapping
from pathlib import Path

SUFFIX = "_FILE"


def read_secret(variable: str, environ: Mapping[str, str]) -> str | None:
    """Returns the variable's value, from `environ` or from its file without the line's end; None where neither is given.

    ValueError, which never shows what is in the file, where both are given or the file is empty or can't be read.
    """
    named = variable + SUFFIX
    if named not in environ:
        return environ.get(variable)
    if variable in environ:
        raise ValueError(f"{variable} and {named} are both set: give one of them")
    path = environ[named]
    try:
        text = Path(path).read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise ValueError(
            f"{named} names {path!r}, which can't be read: {error.strerror or type(error).__name__}"
        ) from None
    except ValueError:
        raise ValueError(f"{named} names {path!r}, which is not UTF-8 text") from None
    if not text:
        raise ValueError(f"{named} names {path!r}, which is empty")
    return text
