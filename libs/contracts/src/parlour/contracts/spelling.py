"""How field names look on the wire: the seeds' spelling (`streamID`, `userName`, `roomUID`), whatever Python calls them."""


def wire_name(name: str) -> str:
    """`stream_id` → `streamID`, `extra_info` → `extraInfo`, `room_uid` → `roomUID`, `user_ids` → `userIDs`."""
    first, *rest = name.split("_")
    return first + "".join(_WHOLE.get(word, word.capitalize()) for word in rest)


_WHOLE = {"id": "ID", "ids": "IDs", "uid": "UID"}
