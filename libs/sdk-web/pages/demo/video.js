/* A video call, by the calls that every page makes: engine, callbacks, login, stream, preview, publish; play what others publish. */

let zg;
let localStream;
let screenStream;
let roomID;
let streamID;

/** A place of its own for each stream that is played. */
function tile(id, name) {
  const box = document.createElement("div");
  box.className = "tile";
  box.id = `tile-${id}`;
  const view = Object.assign(document.createElement("div"), { id: `view-${id}`, className: "fill" });
  const label = Object.assign(document.createElement("span"), { className: "name", textContent: name });
  box.append(view, label);
  $("#remote-video").append(box);
  return view;
}

async function join({ roomID: room, userID, given, appID: wanted }) {
  const { appID, token } = await credentials(wanted, given, room, userID);
  roomID = room;
  const engine = (zg = newEngine(appID));
  window.zg = zg;
  followRoom(zg, release);
  zg.on("roomStreamUpdate", async (room, updateType, streamList, extendedData) => {
    logLine("roomStreamUpdate", `${updateType} ${streamList.map((stream) => stream.streamID).join(", ")} ${extendedData}`);
    for (const stream of streamList) {
      if (updateType === "ADD") await play(stream).catch((error) => engine === zg && say(error));
      else stop(stream.streamID);
    }
  });
  zg.on("screenSharingEnded", () => stopSharing());

  const result = await zg.loginRoom(roomID, token, { userID, userName: userID }, { userUpdate: true });
  if (result !== true) return;
  inRoom(true);
  streamID = Date.now().toString();
  const opened = await openDevices(engine, [{ audio: true, video: true }, { audio: true, video: false }, { audio: false, video: true }]);
  if (engine !== zg) return stopDevices(opened);
  if (!opened) return;
  localStream = opened;
  localStream.playVideo($("#local-video"), { enableAutoplayDialog: true, objectFit: "cover", mirror: true });
  zg.startPublishingStream(streamID, localStream);
  offerMutes(localStream);
}

async function play({ streamID, user }) {
  const view = tile(streamID, user.userName || user.userID);
  const remoteStream = await zg.startPlayingStream(streamID);
  const remoteView = zg.createRemoteStreamView(remoteStream);
  remoteView.play(view, { enableAutoplayDialog: true, objectFit: "cover" });
}

function stop(streamID) {
  zg?.stopPlayingStream(streamID);
  $(`#tile-${CSS.escape(streamID)}`)?.remove();
}

async function leave() {
  if (localStream) zg.stopPublishingStream(streamID);
  stopSharing();
  await zg.logoutRoom(roomID);
  release();
}

/** Ends the stay of an engine: gives back camera and microphone, and empties the places of others. An engine of an earlier stay changes nothing. */
function release(engine = zg) {
  if (engine !== zg) return;
  engine?.destroyEngine().catch(say);
  zg = localStream = screenStream = undefined;
  inRoom(false);
  $("#local-video").replaceChildren();
  $("#remote-video").replaceChildren();
  $("#screen").textContent = "Share screen";
}

async function share() {
  try {
    screenStream = await zg.createZegoStream({ screen: { audio: false, videoQuality: 2 } });
    zg.startPublishingStream(`${streamID}-screen`, screenStream, { videoCodec: "VP8" });
    $("#screen").textContent = "Stop sharing";
  } catch (error) {
    say(error);
  }
}

function stopSharing() {
  if (!screenStream) return;
  zg.stopPublishingStream(`${streamID}-screen`);
  zg.destroyStream(screenStream);
  screenStream = undefined;
  $("#screen").textContent = "Share screen";
}

muteButton("microphone", "audio", ["Mute microphone", "Unmute microphone"], (off) => zg.muteMicrophone(off));
muteButton("camera", "video", ["Turn camera off", "Turn camera on"], (off) => zg.mutePublishStreamVideo(localStream, off));
$("#screen").onclick = () => (screenStream ? stopSharing() : share());
$("#logout").onclick = () => leave().catch(say);
messageButtons(() => zg, () => roomID);
entryForm(join, release);
