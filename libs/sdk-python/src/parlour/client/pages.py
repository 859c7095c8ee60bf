"""Joins lists that came in several frames (docs/protocol.md: `page`). Pure."""

from typing import Any

LISTS = ("users", "streams")
MAX_PAGES = 1000
"""About 60 MB of a room's lists; a server that sends more is faulty."""


class Pages:
    """Collects pages until the frame that ends them."""

    def __init__(self) -> None:
        self._pages: list[dict[str, Any]] = []

    def complete(self, frame: dict[str, Any]) -> dict[str, Any] | None:
        """Returns the frame with the entries of its pages in front, None for a page. ValueError where there are too many."""
        if frame["t"] == "page":
            self._pages.append(frame)
            if len(self._pages) > MAX_PAGES:
                raise ValueError(f"more than {MAX_PAGES} pages in a row")
            return None
        if not self._pages or "users" not in frame:
            return frame
        pages, self._pages = [*self._pages, frame], []
        return {**frame, **{name: [entry for page in pages for entry in page[name]] for name in LISTS}}
