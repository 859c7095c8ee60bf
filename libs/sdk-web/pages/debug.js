/** A tool: join any room, see every frame with its position and every callback, publish, play, send, measure. */
import { DemoCall } from "./demo/call.js";
import { joinByForm, shared, showMutes } from "./demo/room-controls.js";
import { box, button, byId, element, field, fillForm, guestName, logLine, select, showError, showRoomState } from "./page.js";

/** @typedef {import("../src").ZegoExpressEngine} Engine */
/** @typedef {import("../src").ZegoPublishStats} PublishStats */
/** @typedef {import("../src").ZegoPlayStats} PlayStats */
/** @typedef {keyof import("../src").ZegoEvent} EventName */

const BUTTONS_IN_ROOM = ["logout", "publish", "send-broadcast", "send-barrage", "send-command"];
/** Callbacks that are shown with their arguments as they come. @type {EventName[]} */
export const SHOWN_CALLBACKS = [
  "roomStateUpdate", "roomUserUpdate", "roomExtraInfoUpdate", "streamExtraInfoUpdate", "publisherStateUpdate", "playerStateUpdate", "IMRecvBroadcastMessage",
  "IMRecvBarrageMessage", "IMRecvCustomCommand", "roomOnlineUserCountUpdate", "tokenWillExpire", "remoteCameraStatusUpdate", "remoteMicStatusUpdate",
];

const call = new DemoCall({
  ...shared,
  captures: [],
  prepare(engine) {
    showCallbacks(engine, SHOWN_CALLBACKS);
    showMutes(engine);
    engine.on("parlourFrame", showFrame);
    engine.on("roomStateChanged", (_roomID, reason, code, extendedData) => {
      logLine("roomStateChanged", [reason, code, extendedData], code !== 0);
      showRoomState(reason);
    });
    engine.on("roomStreamUpdate", (_roomID, updateType, streamList, extendedData) => {
      logLine("roomStreamUpdate", [updateType, streamList.map(({ streamID }) => streamID), extendedData]);
    });
    engine.on("publishQualityUpdate", (streamID, stats) => showStats(streamID, "↑", stats, stats.rtt));
    engine.on("playQualityUpdate", (streamID, stats) => showStats(streamID, "↓", stats, stats.peerToPeerDelay));
  },
  setInRoom(inside) {
    for (const id of BUTTONS_IN_ROOM) button(id).disabled = !inside;
    button("unpublish").disabled = true;
    button("login").disabled = inside;
    if (inside) return;
    for (const id of ["local-video", "remote-video", "stats"]) box(id).replaceChildren();
  },
  showLocal(stream) {
    stream.playVideo(box("local-video"), { objectFit: "contain" });
  },
  showRemote(streamID, name) {
    const view = element("div", { className: "fill" });
    box("remote-video").append(element("div", { className: "tile", id: `tile-${streamID}` }, view, element("span", { className: "name", textContent: `${name} · ${streamID}` })));
    return (stream) => engine().createRemoteStreamView(stream).play(view, { objectFit: "contain" });
  },
  removeRemote(streamID) {
    for (const id of [`tile-${streamID}`, `stats-${streamID}`]) document.getElementById(id)?.remove();
  },
});

/** The engine of a stay that has begun: buttons that need one are disabled before. */
function engine() {
  if (!call.engine) throw new Error("log in first");
  return call.engine;
}

/** @param {Engine} engine @param {EventName[]} names */
export function showCallbacks(engine, names) {
  for (const name of names) engine.on(name, (/** @type {unknown[]} */ ...args) => logLine(name, args));
}

/** A frame of the room with its number or numbers, its type and its data. @param {Record<string, any>} frame */
export function showFrame(frame) {
  if (frame.pos) box("position").textContent = frame.pos;
  const numbers = frame.t !== "skip" ? (frame.seq ?? "") : frame.from === frame.to ? frame.to : `${frame.from}–${frame.to}`;
  const title = element("b", { textContent: `${numbers} ${frame.type ?? frame.t} ` });
  box("events").prepend(element("li", {}, title, frame.user ? `${frame.user.userID} ` : "", frame.data ? JSON.stringify(frame.data) : ""));
}

/**
 * @param {string} streamID
 * @param {"↑" | "↓"} direction
 * @param {Pick<PublishStats, "video" | "audio"> | Pick<PlayStats, "video" | "audio">} stats
 * @param {number | undefined} delayMs
 */
function showStats(streamID, direction, { video, audio }, delayMs) {
  const row = document.getElementById(`stats-${streamID}`) ?? box("stats").appendChild(element("tr", { id: `stats-${streamID}` }));
  const cells = [
    `${direction} ${streamID}`,
    `${video.frameWidth} × ${video.frameHeight} @ ${video.videoFPS} ${video.googCodecName}`,
    `${video.videoBitrate} kb/s`,
    `${audio.audioBitrate} kb/s`,
    `${(Math.max(video.videoPacketsLostRate, audio.audioPacketsLostRate) * 100).toFixed(1)} %`,
    `${delayMs} ms`,
  ];
  row.replaceChildren(...cells.map((textContent) => element("td", { textContent })));
}

async function publish() {
  const quality = /** @type {1 | 2 | 3} */ (Number(select("quality").value));
  const videoCodec = /** @type {"VP8" | "H264"} */ (select("codec").value);
  const stream = await engine().createZegoStream({ camera: { video: { quality }, audio: true } });
  Object.assign(call, { localStream: stream, streamID: field("stream").value });
  call.page.showLocal(stream, call.streamID, field("user").value);
  const begun = engine().startPublishingStream(call.streamID, stream, { videoCodec });
  button("publish").disabled = begun;
  button("unpublish").disabled = !begun;
}

function unpublish() {
  engine().stopPublishingStream(call.streamID);
  if (call.localStream) engine().destroyStream(call.localStream);
  call.localStream = undefined;
  button("publish").disabled = false;
  button("unpublish").disabled = true;
}

/** @param {(roomID: string, message: string) => Promise<unknown>} send */
const sendMessage = (send) => send(field("room").value, field("message").value).then((result) => logLine("answer", result)).catch(showError);
const addressees = () => field("to").value.split(",").map((user) => user.trim()).filter(Boolean);

button("send-broadcast").onclick = () => sendMessage((roomID, message) => engine().sendBroadcastMessage(roomID, message));
button("send-barrage").onclick = () => sendMessage((roomID, message) => engine().sendBarrageMessage(roomID, message));
button("send-command").onclick = () => sendMessage((roomID, message) => engine().sendCustomCommand(roomID, message, addressees()));
button("publish").onclick = () => publish().catch(showError);
button("unpublish").onclick = unpublish;
button("logout").onclick = () => call.leave().catch(showError);
byId("entry", HTMLFormElement).onsubmit = (event) => {
  event.preventDefault();
  joinByForm(call).catch((error) => {
    showError(error);
    call.release();
  });
};
field("user").value = guestName();
field("stream").value = `stream-${Date.now()}`;
fillForm(["appID", "room", "user"]);
