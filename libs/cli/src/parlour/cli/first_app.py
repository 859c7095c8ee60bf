"""The app that exists from the first start on, and a token for its first user."""

from parlour.contracts.commands import AppDescription, Apps, CreateApp, IssueToken, ListApps, TokenMade

from .ask import ask, connected

NAME = "default"
USER = "guest"
TOKEN_TTL_S = 86_400
WITHIN_S = 20.0


async def ensure_app(nats_url: str, app: int, secret: str) -> str:
    """Make the app if it is not there; a fresh token for `USER` either way."""
    async with connected(nats_url) as bus:
        known = await ask(bus, app, ListApps(), Apps, within_s=WITHIN_S)
        if all(found.app != app for found in known.apps):
            await ask(bus, app, CreateApp(app=app, name=NAME, secret=secret), AppDescription, within_s=WITHIN_S)
        return (await ask(bus, app, IssueToken(user_id=USER, ttl_s=TOKEN_TTL_S), TokenMade)).token
