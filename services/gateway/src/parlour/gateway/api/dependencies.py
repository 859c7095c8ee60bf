"""What handlers need beside the request: objects of the application, found by their type.

A handler names one as a parameter's default, `history: CallHistory = injected(CallHistory)`; a test calls the handler with another one.
"""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

import msgspec
from fastapi import Depends, FastAPI, Request

T = TypeVar("T")


class HttpOptions(msgspec.Struct, frozen=True):
    """What the operator has switched on over HTTP: tokens for pages of this machine (`dev`), the record tree's leaves for everybody
    (`public_entries`), and the folder that the pages are in (`web_root`; empty: none are served)."""

    dev: bool = False
    public_entries: bool = False
    web_root: str = ""


def provide(app: FastAPI, objects: Mapping[type[Any], Any]) -> None:
    """Hands the objects to the handlers of `app`, each under the type that they ask for; called once, before it serves."""
    app.state.objects = objects


def find(request: Request, kind: type[T]) -> T:
    """Returns the object of this type that `provide` was given."""
    return cast("T", request.app.state.objects[kind])


def injected(kind: type[T]) -> Any:
    """Returns the default of a handler's parameter that gets the object of this type."""

    async def dependency(request: Request) -> T:
        return find(request, kind)

    return Depends(dependency)
