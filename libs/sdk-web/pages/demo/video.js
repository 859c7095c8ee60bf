/** A video call in a page. */
import { box, button, element, showError } from "../page.js";
import { DemoCall } from "./call.js";
import { addEntryForm, addMessageButtons, addMuteButton, enableControls, shared, showRoom } from "./room-controls.js";

/** @type {import("./call.js").LocalStream | undefined} */
let screen;

const call = new DemoCall({
  ...shared,
  captures: [{ audio: true, video: true }, { audio: true, video: false }, { audio: false, video: true }],
  prepare(engine) {
    showRoom(engine);
    engine.on("screenSharingEnded", stopSharing);
  },
  setInRoom(inside) {
    enableControls(inside);
    if (inside) return;
    screen = undefined;
    button("screen").textContent = "Share screen";
    for (const id of ["local-video", "remote-video"]) box(id).replaceChildren();
  },
  showLocal(stream) {
    stream.playVideo(box("local-video"), { enableAutoplayDialog: true, objectFit: "cover", mirror: true });
  },
  showRemote(streamID, name) {
    const view = element("div", { id: `view-${streamID}`, className: "fill" });
    box("remote-video").append(element("div", { id: `tile-${streamID}`, className: "tile" }, view, element("span", { className: "name", textContent: name })));
    return (stream) => call.engine?.createRemoteStreamView(stream).play(view, { enableAutoplayDialog: true, objectFit: "cover" });
  },
  removeRemote(streamID) {
    document.getElementById(`tile-${streamID}`)?.remove();
  },
});

const screenID = () => `${call.streamID}-screen`;

async function shareScreen() {
  const { engine } = call;
  if (!engine) return;
  try {
    screen = await engine.createZegoStream({ screen: { video: { quality: 2 }, audio: false } });
    engine.startPublishingStream(screenID(), screen, { videoCodec: "VP8" });
    button("screen").textContent = "Stop sharing";
  } catch (error) {
    showError(error);
  }
}

function stopSharing() {
  if (!screen) return;
  call.engine?.stopPublishingStream(screenID());
  call.engine?.destroyStream(screen);
  screen = undefined;
  button("screen").textContent = "Share screen";
}

addMuteButton("microphone", "audio", ["Mute microphone", "Unmute microphone"], (muted) => call.engine?.muteMicrophone(muted));
addMuteButton("camera", "video", ["Turn camera off", "Turn camera on"], (muted) => call.localStream && call.engine?.mutePublishStreamVideo(call.localStream, muted));
button("screen").onclick = () => (screen ? stopSharing() : shareScreen());
button("logout").onclick = () => {
  stopSharing();
  call.leave().catch(showError);
};
addMessageButtons(call);
addEntryForm(call);
