"""Creates the app that exists from the first start on, and a token for its first user."""

from parlour.contracts.commands import AppDescription, Apps, CreateApp, IssueToken, ListApps, TokenMade

from ..operator.connection import connect, send_command

NAME = "default"
USER = "guest"
TOKEN_TTL_S = 86_400
COMMAND_TIMEOUT_S = 20.0


async def ensure_app(nats_url: str, app: int, secret: str) -> str:
    """Creates the app unless it exists, and returns a new token for `USER`."""
    async with connect(nats_url) as bus:
        known = await send_command(bus, app, ListApps(), Apps, timeout_s=COMMAND_TIMEOUT_S)
        if all(found.app != app for found in known.apps):
            await send_command(
                bus, app, CreateApp(app=app, name=NAME, secret=secret), AppDescription, timeout_s=COMMAND_TIMEOUT_S
            )
        return (await send_command(bus, app, IssueToken(user_id=USER, ttl_s=TOKEN_TTL_S), TokenMade)).token
