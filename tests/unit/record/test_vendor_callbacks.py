"""What the vendor's callbacks say of somebody who was put out."""

import json

import pytest

from parlour.contracts import events as ev
from parlour.record.domain.webhooks.callbacks import CallbackContext, callback
from parlour.testkit.story import Story


@pytest.mark.parametrize(("reason", "said"), [("token_expired", "4"), ("rude", "3"), ("login elsewhere", "3")])
def test_why_a_user_was_put_out(reason: str, said: str) -> None:
    story = Story()
    story.opened()
    story.joined("ann")
    before = CallbackContext(story.state())
    session_id = before.state.users[0].session_id
    gone = story.tell(ev.UserKicked(session_id, before.state.users[0].actor, 1002055, reason))
    sent = json.loads(callback(gone, before, "secret", 1, "nonce"))
    assert (sent["event"], sent["session_id"], sent["reason"]) == ("room_logout", session_id, said)
