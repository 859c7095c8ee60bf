"""Serves commands over NATS, after checks of each request and of who asks."""

from parlour.auth.app.app_handler import AppHandler
from parlour.auth.app.ban_handler import BanHandler
from parlour.auth.app.login_token_handler import LoginTokenHandler
from parlour.auth.app.privacy_handler import PrivacyHandler
from parlour.auth.app.subscription_token_handler import SubscriptionTokenHandler
from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.ids import check_app_id
from parlour.kernel.rejection import Rejection
from parlour.runtime.deciding.endpoints import Handlers, command_endpoints
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus

SERVICE = "auth"
VERSION = "1.0.0"
APPLESS_VERBS = frozenset({"create_app", "list_apps"})
"""Verbs whose subject names app 0."""


async def serve(
    bus: Bus, tokens: LoginTokenHandler, apps: AppHandler, subscriptions: SubscriptionTokenHandler, privacy: PrivacyHandler,
    bans: BanHandler,
) -> None:  # fmt: skip
    """Registers one endpoint for each command."""
    handlers: Handlers = {
        cmd.VerifyToken: tokens.verify,
        cmd.IssueToken: tokens.issue,
        cmd.CreateApp: apps.create,
        cmd.ListApps: apps.list_all,
        cmd.RotateSecret: apps.rotate,
        cmd.SetAppRules: apps.set_rules,
        cmd.IssueLoginToken: tokens.issue_signed,
        cmd.AddLoginKey: apps.add_key,
        cmd.RemoveLoginKey: apps.remove_key,
        cmd.ListLoginKeys: apps.list_keys,
        cmd.IssueSubscription: subscriptions.issue,
        cmd.VerifySubscription: subscriptions.verify,
        cmd.RevokeSubscriptions: subscriptions.revoke,
        cmd.EraseUser: privacy.erase,
        cmd.PlaceHold: privacy.hold,
        cmd.ReleaseHold: privacy.release,
        cmd.ListHolds: privacy.holds,
        cmd.PlaceBan: bans.place,
        cmd.LiftBan: bans.lift,
        cmd.ListBans: bans.list_all,
    }
    await bus.serve(SERVICE, VERSION, command_endpoints(handlers, check_request))


def check_request(to: Address, request: cmd.Request) -> None:
    """Checks that a client asks for nothing but whether a token is valid."""
    if to.verb not in APPLESS_VERBS:
        check_app_id(to.app)
    if request.caller.kind == "client" and to.verb != "verify_token":
        raise Rejection(Code.FORBIDDEN, "only an operator may do this")
