"""Serves commands over NATS: one endpoint for each verb, so that stock tools list them with their statistics."""

from collections.abc import Awaitable, Callable
from typing import Any

from parlour.auth.app.app_handler import AppHandler
from parlour.auth.app.ban_handler import BanHandler
from parlour.auth.app.login_token_handler import LoginTokenHandler
from parlour.auth.app.privacy_handler import PrivacyHandler
from parlour.auth.app.subscription_token_handler import SubscriptionTokenHandler
from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.commands import Reply, Request
from parlour.contracts.ids import check_app_id
from parlour.kernel.rejection import Rejection
from parlour.runtime.deciding.context import CommandContext, build_context
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.messaging.endpoint import Headers
from parlour.runtime.messaging.verbs import handler_of, serve_verbs

SERVICE = "auth"
VERSION = "1.0.0"
APPLESS_VERBS = frozenset({"create_app", "list_apps"})
"""Verbs whose subject names app 0."""

Handler = Callable[[CommandContext, Any], Awaitable[Reply]]


class AuthApi:
    """Checks each request and who asks, and calls its handler."""

    def __init__(
        self,
        tokens: LoginTokenHandler,
        apps: AppHandler,
        subscriptions: SubscriptionTokenHandler,
        privacy: PrivacyHandler,
        bans: BanHandler,
    ) -> None:
        self._handlers: dict[str, tuple[type[cmd.Command], Handler]] = {
            "verify_token": (cmd.VerifyToken, tokens.verify),
            "issue_token": (cmd.IssueToken, tokens.issue),
            "create_app": (cmd.CreateApp, apps.create),
            "list_apps": (cmd.ListApps, apps.list_all),
            "rotate_secret": (cmd.RotateSecret, apps.rotate),
            "set_app_rules": (cmd.SetAppRules, apps.set_rules),
            "issue_login_token": (cmd.IssueLoginToken, tokens.issue_signed),
            "add_login_key": (cmd.AddLoginKey, apps.add_key),
            "remove_login_key": (cmd.RemoveLoginKey, apps.remove_key),
            "list_login_keys": (cmd.ListLoginKeys, apps.list_keys),
            "issue_subscription": (cmd.IssueSubscription, subscriptions.issue),
            "verify_subscription": (cmd.VerifySubscription, subscriptions.verify),
            "revoke_subscriptions": (cmd.RevokeSubscriptions, subscriptions.revoke),
            "erase_user": (cmd.EraseUser, privacy.erase),
            "place_hold": (cmd.PlaceHold, privacy.hold),
            "release_hold": (cmd.ReleaseHold, privacy.release),
            "list_holds": (cmd.ListHolds, privacy.holds),
            "place_ban": (cmd.PlaceBan, bans.place),
            "lift_ban": (cmd.LiftBan, bans.lift),
            "list_bans": (cmd.ListBans, bans.list_all),
        }

    async def serve(self, bus: Bus) -> None:
        """Registers one endpoint for each verb, whose replicas share its requests."""
        await serve_verbs(bus, SERVICE, VERSION, self._handlers, self.handle)

    async def handle(self, to: Address, request: Request, headers: Headers) -> Reply:
        """Answers one command; raises the `Rejection` that refuses it."""
        handler = handler_of(self._handlers, to, request)
        if to.verb not in APPLESS_VERBS:
            check_app_id(to.app)
        if request.caller.kind == "client" and to.verb != "verify_token":
            raise Rejection(Code.FORBIDDEN, "only an operator may do this")
        return await handler(build_context(to, request), request.body)
