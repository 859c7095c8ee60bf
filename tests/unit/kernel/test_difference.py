"""What two moments of a room have and have not in common."""

from parlour.contracts import events as ev
from parlour.kernel.difference import difference
from parlour.testkit.story import Story


def told() -> Story:
    story = Story()
    story.opened()
    story.joined("ann")
    story.joined("bob")
    story.tell(ev.StreamAdded("cam", "s-ann", "actor-ann", "n1", "t1"))
    story.tell(ev.PlayStarted("cam", "s-bob", "actor-bob", "n1", "t2"))
    story.tell(ev.StreamUpdated("cam", "s-ann", "actor-ann", "n1", "t1", "hello"))
    story.said("bob", "hi")
    story.tell(ev.UserSuspended("s-ann", "actor-ann"))
    story.tell(ev.RoomExtraInfoChanged("actor-ann", "k", "v"))
    story.tell(ev.UserLeft("s-bob", "actor-bob", "logout"))
    return story


def test_between_two_moments() -> None:
    story = told()
    found = difference(story.state(2), story.state(9))
    assert [user.user_id for user in found.joined] == ["bob"]
    assert [(user.user_id, user.suspended) for user in found.changed] == [("ann", True)]
    assert [stream.stream_id for stream in found.streams_added] == ["cam"]
    assert (found.started, found.messages, [e.key for e in found.extra_info]) == ((("cam", "s-bob"),), 1, ["k"])
    assert (found.from_seq, found.to_seq, found.opened, found.closed) == (2, 9, False, False)


def test_a_stream_is_changed_by_what_it_is_not_by_who_plays_it() -> None:
    story = told()
    assert not difference(story.state(4), story.state(5)).streams_changed
    assert [s.extra_info for s in difference(story.state(5), story.state(6)).streams_changed] == ["hello"]


def test_a_stream_that_came_again_went_and_came() -> None:
    story = told()
    before = story.state()
    story.tell(ev.StreamRemoved("cam", "s-ann", "actor-ann", 1))
    story.tell(ev.StreamAdded("cam", "s-ann", "actor-ann", "n1", "t1", "hello"))
    found = difference(before, story.state())
    assert [s.added_seq for s in found.streams_removed] == [4]
    assert [s.added_seq for s in found.streams_added] == [12]


def test_backwards_it_is_the_other_way_round() -> None:
    story = told()
    there, back = difference(story.state(1), story.state()), difference(story.state(), story.state(1))
    assert (there.joined, there.streams_added, there.started) == (back.left, back.streams_removed, back.stopped)
    assert there.messages == -back.messages


def test_of_one_moment_there_is_none() -> None:
    state = told().state()
    found = difference(state, state)
    assert not any((found.joined, found.left, found.changed, found.streams_added, found.streams_removed, found.started))
