"""Apps and tokens for HTTP: which app a request means, the list of apps, and tokens for development."""

import re

from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.ids import APP_ID_MAX, check_app_id
from parlour.gateway.app.ports import GatewayCommands
from parlour.kernel.rejection import Rejection

_NUMBER = re.compile("[0-9]{1,10}")


class Apps:
    """Asks `auth` about apps. `default` is the app of requests that name none; 0: the only one there is."""

    def __init__(self, commands: GatewayCommands, default: int) -> None:
        self._commands = commands
        self._default = default

    async def resolve(self, named: str) -> int:
        """Returns the app that a request names, or the default one; `Rejection` where the text is no app, or none is meant."""
        if named:
            if not _NUMBER.fullmatch(named):
                raise Rejection.of(Code.APP_ID, "app is not an application id", field="app", limit=f"1..{APP_ID_MAX}")
            return check_app_id(int(named))
        if not self._default:
            apps = await self.list_apps()
            if len(apps) != 1:
                raise Rejection.of(Code.APP_ID, "the request names no app", field="app", hint="add ?app=<appID>")
            self._default = apps[0].app
        return self._default

    async def list_apps(self) -> tuple[cmd.AppDescription, ...]:
        """Lists every app, without secrets."""
        return (await self._commands.ask(0, cmd.ListApps(), cmd.Apps)).apps

    async def issue_token(self, app: int, user_id: str, room: str) -> str:
        """Issues a token04 for a user, for one room or (empty) for all."""
        return (await self._commands.ask(app, cmd.IssueToken(user_id, room), cmd.TokenMade)).token
