"""Conditions on a window's callbacks, to be waited for."""

STREAM_ADDED = "calls.some(c => c.name === 'roomStreamUpdate' && c.args[1] === 'ADD')"
STREAM_GONE = "calls.some(c => c.name === 'roomStreamUpdate' && c.args[1] === 'DELETE')"
USER_ADDED = "calls.some(c => c.name === 'roomUserUpdate' && c.args[1] === 'ADD')"
USER_GONE = "calls.some(c => c.name === 'roomUserUpdate' && c.args[1] === 'DELETE')"
LOGGED_OUT = "calls.some(c => c.name === 'roomStateChanged' && c.args[1] === 'LOGOUT')"
CONNECTED = "['LOGINED', 'RECONNECTED'].includes(calls.filter(c => c.name === 'roomStateChanged').at(-1)?.args[1])"
PUBLISHING = "calls.some(c => c.name === 'publisherStateUpdate' && c.args[0].state === 'PUBLISHING')"
PLAYING = "calls.some(c => c.name === 'playerStateUpdate' && c.args[0].state === 'PLAYING')"


def kicked(code: int) -> str:
    """The window's session was ended with this code."""
    return f"calls.some(c => c.name === 'roomStateChanged' && c.args[1] === 'KICKOUT' && c.args[2] === {code})"


def received(event: str, text: str) -> str:
    """A message event that carries the text."""
    return f"calls.some(c => c.name === '{event}' && JSON.stringify(c.args).includes('{text}'))"


def called(event: str) -> str:
    """The event fired at least once."""
    return f"calls.some(c => c.name === '{event}')"
