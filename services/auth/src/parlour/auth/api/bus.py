"""Commands over NATS: one endpoint for each verb, so that stock tools list them with their statistics."""

from collections.abc import Awaitable, Callable
from typing import Any

from parlour.auth.app.apps import AppBook
from parlour.auth.app.bans import BanBook
from parlour.auth.app.login_keys import KeyBook
from parlour.auth.app.privacy import Privacy
from parlour.auth.app.subscriptions import Subscriptions
from parlour.auth.app.tokens import Tokens
from parlour.contracts import commands as contract
from parlour.contracts.codes import Code
from parlour.contracts.commands import Reply, Request
from parlour.contracts.ids import check_app_id
from parlour.kernel.rejection import Rejection
from parlour.runtime.deciding.drafts import Call, call_of
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus, Headers
from parlour.runtime.messaging.verbs import handler_of, serve_verbs

SERVICE = "auth"
VERSION = "1.0.0"
ABOUT_NO_APP = frozenset({"create_app", "list_apps"})
"""Verbs whose subject names app 0."""

Handler = Callable[[Call, Any], Awaitable[Reply]]


class Commands:
    """Takes a request apart, checks who asks, and hands it to its handler."""

    def __init__(
        self,
        tokens: Tokens,
        apps: AppBook,
        keys: KeyBook,
        subscriptions: Subscriptions,
        privacy: Privacy,
        bans: BanBook,
    ) -> None:
        self._handlers: dict[str, tuple[type[contract.Command], Handler]] = {
            "verify_token": (contract.VerifyToken, tokens.verify),
            "issue_token": (contract.IssueToken, tokens.issue),
            "create_app": (contract.CreateApp, apps.create),
            "list_apps": (contract.ListApps, apps.list_all),
            "rotate_secret": (contract.RotateSecret, apps.rotate),
            "set_app_rules": (contract.SetAppRules, apps.set_rules),
            "issue_login_token": (contract.IssueLoginToken, tokens.issue_signed),
            "add_login_key": (contract.AddLoginKey, keys.add),
            "remove_login_key": (contract.RemoveLoginKey, keys.remove),
            "list_login_keys": (contract.ListLoginKeys, keys.list_all),
            "issue_subscription": (contract.IssueSubscription, subscriptions.issue),
            "verify_subscription": (contract.VerifySubscription, subscriptions.verify),
            "revoke_subscriptions": (contract.RevokeSubscriptions, subscriptions.revoke),
            "erase_user": (contract.EraseUser, privacy.erase),
            "place_hold": (contract.PlaceHold, privacy.hold),
            "release_hold": (contract.ReleaseHold, privacy.release),
            "list_holds": (contract.ListHolds, privacy.holds),
            "place_ban": (contract.PlaceBan, bans.place),
            "lift_ban": (contract.LiftBan, bans.lift),
            "list_bans": (contract.ListBans, bans.list_all),
        }

    async def serve(self, bus: Bus) -> None:
        """Registers the endpoints."""
        await serve_verbs(bus, SERVICE, VERSION, self._handlers, self.handle)

    async def handle(self, to: Address, request: Request, headers: Headers) -> Reply:
        """One command."""
        handler = handler_of(self._handlers, to, request)
        if to.verb not in ABOUT_NO_APP:
            check_app_id(to.app)
        if request.caller.kind == "client" and to.verb != "verify_token":
            raise Rejection.of(Code.FORBIDDEN, "only an operator may do this")
        return await handler(call_of(to, request), request.body)
