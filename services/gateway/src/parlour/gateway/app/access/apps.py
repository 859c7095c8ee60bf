"""Apps and tokens for HTTP: which app a request means, what a bearer token allows, a token for development."""

import re
from uuid import uuid4

from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.ids import APP_ID_MAX, check_app_id
from parlour.gateway.app.ports import Services, decode_result
from parlour.kernel.rejection import Rejection

_NUMBER = re.compile("[0-9]{1,10}")
_OPERATOR = cmd.Caller(kind="service")


class Apps:
    """Questions to `auth`. `default` is the app of requests that name none; 0: the only one there is."""

    def __init__(self, services: Services, default: int) -> None:
        self._services = services
        self._default = default

    async def meant(self, named: str) -> int:
        """The app that a request names, or the default one."""
        if named:
            if not _NUMBER.fullmatch(named):
                raise Rejection.of(Code.APP_ID, "app is not an application id", field="app", limit=f"1..{APP_ID_MAX}")
            return check_app_id(int(named))
        self._default = self._default or await self._only_one()
        return self._default

    async def all(self) -> tuple[cmd.AppDescription, ...]:
        """Every app, without secrets."""
        reply = await self._services.ask(0, "", self._request(cmd.ListApps()))
        return decode_result(reply, cmd.Apps).apps

    async def token(self, app: int, user_id: str, room: str) -> str:
        """A fresh token."""
        reply = await self._services.ask(app, "", self._request(cmd.IssueToken(user_id, room)))
        return decode_result(reply, cmd.TokenMade).token

    async def _only_one(self) -> int:
        apps = await self.all()
        if len(apps) != 1:
            raise Rejection.of(Code.APP_ID, "the request names no app", field="app", hint="add ?app=<appID>")
        return apps[0].app

    @staticmethod
    def _request(body: cmd.AnyCommand) -> cmd.Request:
        return cmd.Request(str(uuid4()), _OPERATOR, body)
