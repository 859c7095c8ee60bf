"""Hypothesis strategies for what clients may send and what they may not."""

import hypothesis.strategies as st

from parlour.contracts import ids

NAME_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz~!@#$^&*()_+=-,;'.<>/"
STREAM_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-"

app_ids = st.integers(1, ids.APP_ID_MAX)
room_ids = st.text(NAME_CHARACTERS, min_size=1, max_size=ids.ROOM_ID_BYTES)
user_ids = st.text(NAME_CHARACTERS, min_size=1, max_size=ids.USER_ID_BYTES)
stream_ids = st.text(STREAM_CHARACTERS, min_size=1, max_size=ids.STREAM_ID_CHARS)


def text_of_bytes(least: int, most: int) -> st.SearchStrategy[str]:
    """Any text whose UTF-8 form has so many bytes."""
    return st.text(st.characters(codec="utf-8"), min_size=least, max_size=most).filter(
        lambda text: least <= len(text.encode()) <= most
    )


user_names = text_of_bytes(0, ids.USER_NAME_BYTES)
messages = text_of_bytes(1, ids.MESSAGE_BYTES)
