"""One suite and one browser for all end-to-end tests; rooms and users are each test's own."""

from parlour.testkit.browser.fixtures import browser, room, suite, window

__all__ = ["browser", "room", "suite", "window"]
