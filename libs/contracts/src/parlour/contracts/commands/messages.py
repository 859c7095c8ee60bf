"""Commands that send messages, answered by the im service."""

import msgspec

from .caller import SessionCommand


class MessageCommand(SessionCommand, frozen=True):
    """Base of what a session says."""

    text: str


class SendBroadcast(MessageCommand, frozen=True, tag="im.send_broadcast"):
    """Sends a reliable message to all in the room but the sender."""


class SendBarrage(MessageCommand, frozen=True, tag="im.send_barrage"):
    """Sends a message that may be dropped to all in the room but the sender."""


class SendCommand(MessageCommand, frozen=True, tag="im.send_command"):
    """Sends a signalling message to the users named, or to all in the room if none is."""

    to_user_ids: tuple[str, ...] = ()


class MessageSent(msgspec.Struct, frozen=True):
    """The answer to the three messages: `message_id` is the event's seq; `absent` are addressees who are not in the room."""

    message_id: int
    absent: tuple[str, ...] = ()
