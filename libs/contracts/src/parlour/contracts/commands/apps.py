"""Commands on apps, their secrets and rules, answered by the auth service."""

import msgspec

from .caller import Command


class CreateApp(Command, frozen=True, tag="auth.create_app"):
    """`app` 0 draws a free id; `secret` empty draws one (32 characters)."""

    app: int = 0
    name: str = ""
    secret: str = ""


class ListApps(Command, frozen=True, tag="auth.list_apps"):
    """Asks for all apps, without their secrets."""


class RotateSecret(Command, frozen=True, tag="auth.rotate_secret"):
    """Makes a new secret; the old one stays valid for `overlap_s` seconds."""

    app: int
    overlap_s: int = 86400


class SetAppRules(Command, frozen=True, tag="auth.set_app_rules"):
    """Rules of the app from now on, as `AppRules` has them; an empty one stays as it is. Answered by `AppRules`."""

    login_tokens: str = ""
    privileges: str = ""
    expiry: str = ""


class AppDescription(msgspec.Struct, frozen=True):
    """One app; `secret` only in the answers of create and rotate."""

    app: int
    name: str
    created_s: int
    secret: str = ""


class AppRules(msgspec.Struct, frozen=True):
    """Of SetAppRules: login_tokens is any, ordered or signed; privileges enforced or text; expiry keep or end."""

    login_tokens: str
    privileges: str
    expiry: str


class Apps(msgspec.Struct, frozen=True):
    """The answer to `ListApps`: all apps."""

    apps: tuple[AppDescription, ...]
