/* A tool: join any room, see every frame with its position and every callback, publish, play, send, measure. */

let zg;
let localStream;
const INSIDE = ["logout", "publish", "send-broadcast", "send-barrage", "send-command"];
const CALLBACKS = ["roomStateUpdate", "roomUserUpdate", "roomExtraInfoUpdate", "streamExtraInfoUpdate", "publisherStateUpdate", "playerStateUpdate", "IMRecvBroadcastMessage", "IMRecvBarrageMessage", "IMRecvCustomCommand", "roomOnlineUserCountUpdate", "tokenWillExpire", "remoteCameraStatusUpdate", "remoteMicStatusUpdate"];

function inRoom(inside) {
  for (const id of INSIDE) $(`#${id}`).disabled = !inside;
  $("#unpublish").disabled = true;
  $("#login").disabled = inside;
}

async function login() {
  const [roomID, userID] = [$("#room").value, $("#user").value];
  const { appID, token } = await credentials($("#appID").value, $("#token").value, roomID, userID);
  const engine = (zg = newEngine(appID));
  window.zg = zg;
  zg.on("parlourFrame", showFrame);
  for (const name of CALLBACKS) zg.on(name, (...args) => logLine(name, args));
  zg.on("roomStateChanged", (roomID, reason, code, extendedData) => {
    logLine("roomStateChanged", [reason, code, extendedData], code !== 0);
    shownState(reason, reason === "LOGINED" || reason === "RECONNECTED");
    if (["LOGIN_FAILED", "KICKOUT", "RECONNECT_FAILED", "LOGOUT"].includes(reason)) release(engine);
  });
  zg.on("roomStreamUpdate", async (roomID, updateType, streamList, extendedData) => {
    logLine("roomStreamUpdate", [updateType, streamList.map((stream) => stream.streamID), extendedData]);
    for (const { streamID, user } of streamList) await (updateType === "ADD" ? play(streamID, user.userID) : stop(streamID));
  });
  zg.on("publishQualityUpdate", (streamID, stats) => showStats(streamID, "↑", stats));
  zg.on("playQualityUpdate", (streamID, stats) => showStats(streamID, "↓", stats));
  await zg.loginRoom(roomID, token, { userID, userName: userID }, { userUpdate: true });
  inRoom(true);
}

function showFrame(frame) {
  if (frame.pos) $("#position").textContent = frame.pos;
  const line = document.createElement("li");
  const where = frame.t === "skip" ? `${frame.from}–${frame.to}` : (frame.seq ?? "");
  const strong = Object.assign(document.createElement("b"), { textContent: `${where} ${frame.type ?? frame.t} ` });
  line.append(strong, frame.user ? `${frame.user.userID} ` : "", frame.data ? JSON.stringify(frame.data) : "");
  $("#events").prepend(line);
}

async function play(streamID, name) {
  const box = Object.assign(document.createElement("div"), { className: "tile", id: `tile-${streamID}` });
  const view = Object.assign(document.createElement("div"), { className: "fill" });
  box.append(view, Object.assign(document.createElement("span"), { className: "name", textContent: `${name} · ${streamID}` }));
  $("#remote-video").append(box);
  try {
    zg.createRemoteStreamView(await zg.startPlayingStream(streamID)).play(view, { objectFit: "contain" });
  } catch (error) {
    say(error);
    box.remove();
  }
}

function stop(streamID) {
  zg?.stopPlayingStream(streamID);
  $(`#tile-${CSS.escape(streamID)}`)?.remove();
  $(`#stats-${CSS.escape(streamID)}`)?.remove();
}

function showStats(streamID, way, { video, audio, rtt, peerToPeerDelay }) {
  const row = $(`#stats-${CSS.escape(streamID)}`) ?? $("#stats").appendChild(Object.assign(document.createElement("tr"), { id: `stats-${streamID}` }));
  const cells = [
    `${way} ${streamID}`,
    `${video.frameWidth} × ${video.frameHeight} @ ${video.videoFPS} ${video.googCodecName}`,
    `${video.videoBitrate} kb/s`,
    `${audio.audioBitrate} kb/s`,
    `${((Math.max(video.videoPacketsLostRate, audio.audioPacketsLostRate)) * 100).toFixed(1)} %`,
    `${peerToPeerDelay ?? rtt} ms`,
  ];
  row.replaceChildren(...cells.map((textContent) => Object.assign(document.createElement("td"), { textContent })));
}

async function publish() {
  localStream = await zg.createZegoStream({ camera: { video: { quality: Number($("#quality").value) }, audio: true } });
  localStream.playVideo($("#local-video"), { objectFit: "contain" });
  const begun = zg.startPublishingStream($("#stream").value, localStream, { videoCodec: $("#codec").value });
  $("#publish").disabled = begun;
  $("#unpublish").disabled = !begun;
}

function unpublish() {
  zg.stopPublishingStream($("#stream").value);
  zg.destroyStream(localStream);
  $("#publish").disabled = false;
  $("#unpublish").disabled = true;
}

async function logout() {
  await zg.logoutRoom();
  release(zg);
}

/** Ends the stay of an engine: gives back camera and microphone. An engine of an earlier stay changes nothing. */
function release(engine) {
  if (engine !== zg) return;
  engine?.destroyEngine().catch(say);
  zg = localStream = undefined;
  inRoom(false);
  $("#local-video").replaceChildren();
  $("#remote-video").replaceChildren();
  $("#stats").replaceChildren();
}

const room = () => $("#room").value;
const targets = () => $("#to").value.split(",").map((user) => user.trim()).filter(Boolean);
const answered = (call) => call.then((result) => logLine("answer", result)).catch(say);
$("#send-broadcast").onclick = () => answered(zg.sendBroadcastMessage(room(), $("#message").value));
$("#send-barrage").onclick = () => answered(zg.sendBarrageMessage(room(), $("#message").value));
$("#send-command").onclick = () => answered(zg.sendCustomCommand(room(), $("#message").value, targets()));
$("#publish").onclick = () => publish().catch(say);
$("#unpublish").onclick = unpublish;
$("#logout").onclick = () => logout().catch(say);
$("#entry").onsubmit = (event) => {
  event.preventDefault();
  login().catch(say);
};
$("#user").value = someone();
$("#stream").value = `stream-${Date.now()}`;
fillForm(["appID", "room", "user"]);
