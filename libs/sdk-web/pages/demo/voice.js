/** A voice call in a page: streams without picture, and a level for each voice. */
import { box, button, element, field, showError } from "../page.js";
import { DemoCall } from "./call.js";
import { addEntryForm, addMessageButtons, addMuteButton, enableControls, shared, showRoom } from "./room-controls.js";

const LEVEL_INTERVAL_MS = 300;

const call = new DemoCall({
  ...shared,
  captures: [{ audio: true, video: false }],
  async prepare(engine) {
    showRoom(engine);
    engine.on("soundLevelUpdate", (levels) => levels.forEach(({ streamID, soundLevel }) => showLevel(streamID, soundLevel)));
    if (!(await engine.checkSystemRequirements("webRTC")).result) throw new Error("This browser cannot hold calls.");
  },
  setInRoom(inside, engine) {
    enableControls(inside);
    if (inside) return engine?.setSoundLevelDelegate(true, LEVEL_INTERVAL_MS);
    for (const id of ["voices", "remote-audio"]) box(id).replaceChildren();
    box("alone").hidden = false;
  },
  showLocal(stream, streamID, userID) {
    if (field("monitor").checked) stream.playAudio();
    addVoice(streamID, `${userID} (you)`);
  },
  showRemote(streamID, name) {
    addVoice(streamID, name);
    return (stream) => box("remote-audio").append(element("audio", { id: `audio-${streamID}`, autoplay: true, srcObject: stream }));
  },
  removeRemote(streamID) {
    for (const id of [`audio-${streamID}`, `voice-${streamID}`]) document.getElementById(id)?.remove();
  },
});

/** @param {string} streamID @param {string} name */
function addVoice(streamID, name) {
  box("alone").hidden = true;
  const meter = element("div", { className: "meter" }, element("i"));
  box("voices").append(element("tr", { id: `voice-${streamID}` }, element("td", { textContent: name }), element("td", { className: "level" }, meter)));
}

/** @param {string} streamID @param {number} level 0 to 100 */
function showLevel(streamID, level) {
  const bar = document.getElementById(`voice-${streamID}`)?.querySelector("i");
  if (bar) bar.style.width = `${level}%`;
}

addMuteButton("microphone", "audio", ["Mute microphone", "Unmute microphone"], (muted) => call.engine?.muteMicrophone(muted));
button("logout").onclick = () => call.leave().catch(showError);
addMessageButtons(call);
addEntryForm(call);
