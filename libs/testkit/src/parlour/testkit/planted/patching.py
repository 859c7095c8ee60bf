"""How a fault changes what is shipped: by putting something else in the place of what must be there."""

from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]


def replace(owner: object, name: str, other: Callable[[Any], Any]) -> None:
    """Puts what `other` makes of an owner's attribute in its place. AttributeError where the shipped code has none of that name: a fault
    that patches nothing would break nothing.
    """
    setattr(owner, name, other(getattr(owner, name)))


def disable(owner: object, name: str) -> None:
    """An owner's coroutine function does nothing from now on. AttributeError as with `replace`."""

    async def do_nothing(*_values: object, **_named: object) -> None:
        return None

    replace(owner, name, lambda _shipped: do_nothing)
