/** A tool: join any room, see every frame with its position and every callback, publish, play, send, measure. */
import { box, button, byId, credentials, element, field, fillForm, guestName, logLine, newEngine, select, showError, showRoomState } from "./page.js";

/** @typedef {import("../src/declared").ZegoExpressEngine} Engine */
/** @typedef {import("../src/declared").ZegoPublishStats} PublishStats */
/** @typedef {import("../src/declared").ZegoPlayStats} PlayStats */
/** @typedef {keyof import("../src/declared").ZegoEvent} EventName */

const BUTTONS_IN_ROOM = ["logout", "publish", "send-broadcast", "send-barrage", "send-command"];
/** Callbacks that are shown with their arguments as they come. @type {EventName[]} */
export const SHOWN_CALLBACKS = [
  "roomStateUpdate", "roomUserUpdate", "roomExtraInfoUpdate", "streamExtraInfoUpdate", "publisherStateUpdate", "playerStateUpdate", "IMRecvBroadcastMessage",
  "IMRecvBarrageMessage", "IMRecvCustomCommand", "roomOnlineUserCountUpdate", "tokenWillExpire", "remoteCameraStatusUpdate", "remoteMicStatusUpdate",
];
/** Reasons of roomStateChanged that end the stay in the room. */
const OUTSIDE = ["LOGIN_FAILED", "KICKOUT", "RECONNECT_FAILED", "LOGOUT"];

/** @type {Engine | undefined} */
let zg;
/** @type {import("../src/declared").ZegoLocalStream | undefined} */
let localStream;

/** The engine of a stay that has begun: buttons that need one are disabled before. */
function engine() {
  if (!zg) throw new Error("log in first");
  return zg;
}

/** @param {boolean} inside */
function enableButtons(inside) {
  for (const id of BUTTONS_IN_ROOM) button(id).disabled = !inside;
  button("unpublish").disabled = true;
  button("login").disabled = inside;
}

async function login() {
  const [roomID, userID] = [field("room").value, field("user").value];
  const { appID, token } = await credentials(field("appID").value, field("token").value, roomID, userID);
  const entered = (zg = window.zg = newEngine(appID));
  showCallbacks(entered, SHOWN_CALLBACKS);
  entered.on("parlourFrame", showFrame);
  entered.on("roomStateChanged", (_roomID, reason, code, extendedData) => {
    logLine("roomStateChanged", [reason, code, extendedData], code !== 0);
    showRoomState(reason);
    if (OUTSIDE.includes(reason)) release(entered);
  });
  entered.on("roomStreamUpdate", async (_roomID, updateType, streamList, extendedData) => {
    logLine("roomStreamUpdate", [updateType, streamList.map(({ streamID }) => streamID), extendedData]);
    for (const { streamID, user } of streamList) await (updateType === "ADD" ? play(streamID, user.userID) : stop(streamID));
  });
  entered.on("publishQualityUpdate", (streamID, stats) => showStats(streamID, "↑", stats, stats.rtt));
  entered.on("playQualityUpdate", (streamID, stats) => showStats(streamID, "↓", stats, stats.peerToPeerDelay));
  await entered.loginRoom(roomID, token, { userID, userName: userID }, { userUpdate: true });
  enableButtons(true);
}

/** @param {Engine} engine @param {EventName[]} names */
export function showCallbacks(engine, names) {
  for (const name of names) engine.on(name, (/** @type {unknown[]} */ ...args) => logLine(name, args));
}

/** A frame of the room with its number or numbers, its type and its data. @param {Record<string, any>} frame */
export function showFrame(frame) {
  if (frame.pos) box("position").textContent = frame.pos;
  const numbers = frame.t === "skip" ? `${frame.from}–${frame.to}` : (frame.seq ?? "");
  const title = element("b", { textContent: `${numbers} ${frame.type ?? frame.t} ` });
  box("events").prepend(element("li", {}, title, frame.user ? `${frame.user.userID} ` : "", frame.data ? JSON.stringify(frame.data) : ""));
}

/** @param {string} streamID @param {string} name */
async function play(streamID, name) {
  const view = element("div", { className: "fill" });
  const tile = element("div", { className: "tile", id: `tile-${streamID}` }, view, element("span", { className: "name", textContent: `${name} · ${streamID}` }));
  box("remote-video").append(tile);
  try {
    engine().createRemoteStreamView(await engine().startPlayingStream(streamID)).play(view, { objectFit: "contain" });
  } catch (error) {
    showError(error);
    tile.remove();
  }
}

/** @param {string} streamID */
function stop(streamID) {
  zg?.stopPlayingStream(streamID);
  for (const id of [`tile-${streamID}`, `stats-${streamID}`]) document.getElementById(id)?.remove();
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
  localStream = await engine().createZegoStream({ camera: { video: { quality }, audio: true } });
  localStream.playVideo(box("local-video"), { objectFit: "contain" });
  const begun = engine().startPublishingStream(field("stream").value, localStream, { videoCodec });
  button("publish").disabled = begun;
  button("unpublish").disabled = !begun;
}

function unpublish() {
  engine().stopPublishingStream(field("stream").value);
  if (localStream) engine().destroyStream(localStream);
  button("publish").disabled = false;
  button("unpublish").disabled = true;
}

async function logout() {
  await engine().logoutRoom();
  release(zg);
}

/** Ends the stay of an engine: gives back camera and microphone. An engine of an earlier stay changes nothing. @param {Engine | undefined} ended */
function release(ended) {
  if (ended !== zg) return;
  ended?.destroyEngine().catch(showError);
  zg = localStream = undefined;
  enableButtons(false);
  for (const id of ["local-video", "remote-video", "stats"]) box(id).replaceChildren();
}

/** @param {(roomID: string, message: string) => Promise<unknown>} send */
const sendMessage = (send) => send(field("room").value, field("message").value).then((result) => logLine("answer", result)).catch(showError);
const addressees = () => field("to").value.split(",").map((user) => user.trim()).filter(Boolean);

button("send-broadcast").onclick = () => sendMessage((roomID, message) => engine().sendBroadcastMessage(roomID, message));
button("send-barrage").onclick = () => sendMessage((roomID, message) => engine().sendBarrageMessage(roomID, message));
button("send-command").onclick = () => sendMessage((roomID, message) => engine().sendCustomCommand(roomID, message, addressees()));
button("publish").onclick = () => publish().catch(showError);
button("unpublish").onclick = unpublish;
button("logout").onclick = () => logout().catch(showError);
byId("entry", HTMLFormElement).onsubmit = (event) => {
  event.preventDefault();
  login().catch(showError);
};
field("user").value = guestName();
field("stream").value = `stream-${Date.now()}`;
fillForm(["appID", "room", "user"]);
