"""The demo page for a user of a room."""

from urllib.parse import urlencode

from parlour.testkit.browser.firefox import Firefox
from parlour.testkit.suite import Suite


def video_call(suite: Suite, room: str, user: str) -> str:
    """The page logs in by itself, publishes VP8, and plays whatever comes."""
    return f"{_address(suite, user)}&{urlencode({'room': room})}"


async def join(fox: Firefox, suite: Suite, room: str, user: str) -> None:
    """The same in Firefox, which has no scripts that run before the page's: the form is sent once the page is probed."""
    await fox.goto(_address(suite, user))
    await fox.probe()
    await fox.run(
        "document.querySelector('#room').value = arguments[0]; document.querySelector('#entry').requestSubmit();", room
    )


def _address(suite: Suite, user: str) -> str:
    query = {"user": user, "token": suite.dev_token(user), "app": suite.app_id}
    return f"{suite.url}/demo/video?{urlencode(query)}"
