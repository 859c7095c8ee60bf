"""The seeds' own pages with their blanks filled in, and nothing else changed.

A blank is what the page's author left for the reader: the script's address, app id, user, room and token.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Blanks:
    """What goes into a page's blanks. `sdk` is the script's address."""

    sdk: str
    app_id: int
    room: str
    user: str
    token: str


def pages(folder: Path) -> dict[str, str]:
    """The seeds' texts by their first three digits; empty where the folder is not there."""
    return {path.name[:3]: path.read_text("utf-8") for path in sorted(folder.glob("*.txt"))} if folder.is_dir() else {}


def example_page(text: str, blanks: Blanks) -> str:
    """The first complete HTML page of a seed, blanks filled."""
    found = re.search(r"<!DOCTYPE html>.*?</html>", text, re.DOTALL)
    assert found, "the seed holds no page"
    page = found[0]
    for pattern, value in (
        (r"ZegoExpressWebRTC-x\.x\.x\.js", blanks.sdk),
        (r"(let appID = )0\b", rf"\g<1>{blanks.app_id}"),
        (r'(let userID = )"user1"', rf"\g<1>{json.dumps(blanks.user)}"),
        (r'(let userName = )"user1"', rf"\g<1>{json.dumps(blanks.user)}"),
        (r'(let roomID = )"123"', rf"\g<1>{json.dumps(blanks.room)}"),
        (r"(let token = )``", rf"\g<1>`{blanks.token}`"),
    ):
        page, count = re.subn(pattern, value, page)
        assert count == 1, f"the seed's blank {pattern} was found {count} times"
    return page


def callback_block(text: str) -> str:
    """The seed's longest list of callbacks, from its room state handler to its custom command handler, as it stands."""
    lines = text.splitlines()
    last = next(i for i, line in enumerate(lines) if line.startswith("zg.on('IMRecvCustomCommand'"))
    opening = "zg.on('roomStateChanged', (roomID, reason, errorCode, extendData)"
    first = max(i for i, line in enumerate(lines[:last]) if line.startswith(opening))
    end = next(i for i, line in enumerate(lines[last:], last) if line.startswith("});"))
    return "\n".join([*lines[first:end], "});"])


def page_with_callbacks(text: str, blanks: Blanks) -> str:
    """A page that registers the seed's callback block and logs in, publishing and playing as the seed's text tells."""
    return f"""<!DOCTYPE html><html><head><meta charset="UTF-8"><script src="{blanks.sdk}"></script></head><body>
<div id="local-video"></div><div id="remote-video"></div><script>
const zg = new ZegoExpressEngine({blanks.app_id}, "");
zg.setDebugVerbose(false);
{callback_block(text)}
zg.on('roomStreamUpdate', async (roomID, updateType, streamList) => {{
  if (updateType != 'ADD') return;
  zg.createRemoteStreamView(await zg.startPlayingStream(streamList[0].streamID)).play("remote-video");
}});
let localStream, publishedID = {json.dumps(blanks.user)} + '-' + new Date().getTime();
zg.loginRoom({json.dumps(blanks.room)}, {json.dumps(blanks.token)}, {{userID: {json.dumps(blanks.user)}}}, {{userUpdate: true}})
  .then(async () => {{
    localStream = await zg.createZegoStream();
    localStream.playVideo(document.querySelector("#local-video"));
    zg.startPublishingStream(publishedID, localStream);
  }});
</script></body></html>"""


def voice_page(text: str, blanks: Blanks) -> str:
    """The voice seed's snippets in their order; what a snippet leaves open is declared before it.

    The closing snippets (stop, destroy, log out) go into `hangUp()`, to be called when the test has heard enough.
    """
    code = re.findall(r"```(?:javascript|js)\n(.*?)```", text, re.DOTALL)
    engine, callbacks, check, login, create, publish, published, play, played, *closing = code
    engine = engine.replace("let appID = ;", f"let appID = {blanks.app_id};").replace("const zg", "let zg")
    heard = f"""zg.on('roomStreamUpdate', async (roomID, updateType, streamList) => {{
  if (updateType != 'ADD') return;
  const streamID = streamList[0].streamID;
  playedID = streamID;
{play}
}});"""
    hang_up = "\n".join(closing).replace("zg.stopPlayingStream(streamID)", "zg.stopPlayingStream(playedID)")
    return f"""<!DOCTYPE html><html><head><meta charset="UTF-8"><script src="{blanks.sdk}"></script></head><body>
<audio id="remote" autoplay></audio><script type="module">
const roomID = {json.dumps(blanks.room)}, token = {json.dumps(blanks.token)};
const userID = {json.dumps(blanks.user)}, userName = userID;
const streamID = userID + '-voice', remoteAudio = document.querySelector('#remote');
let playedID;
{engine}
{callbacks}
{heard}
{{
{check}
}}
{login}
window.loggedIn = result;
{create}
{publish}
{published}
{played}
window.hangUp = async () => {{
{hang_up}
}};
</script></body></html>"""
