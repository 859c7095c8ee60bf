"""Lists that came in several frames, put together (docs/protocol.md: `page`). Pure."""

from typing import Any

LISTS = ("users", "streams")
MOST_PAGES = 1000
"""Some 60 MB of a room's lists; a server that sends more is broken."""


class Pages:
    """Keeps pages until the frame comes that ends them."""

    def __init__(self) -> None:
        self._kept: list[dict[str, Any]] = []

    def complete(self, frame: dict[str, Any]) -> dict[str, Any] | None:
        """The frame with its pages in front; None for a page. ValueError when there are too many."""
        if frame["t"] == "page":
            self._kept.append(frame)
            if len(self._kept) > MOST_PAGES:
                raise ValueError(f"more than {MOST_PAGES} pages in a row")
            return None
        if not self._kept or "users" not in frame:
            return frame
        pages, self._kept = [*self._kept, frame], []
        return {**frame, **{name: [entry for page in pages for entry in page[name]] for name in LISTS}}
