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
  const view = Object.assign(document.createElement("div"), { id: `view-${id}`, style: "height:100%" });
  const label = Object.assign(document.createElement("span"), { className: "name", textContent: name });
  box.append(view, label);
  $("#remote-video").append(box);
  return view;
}

async function join({ roomID: room, userID, given, appID: wanted }) {
  const { appID, token } = await credentials(wanted, given, room, userID);
  roomID = room;
  zg = new ZegoExpressEngine(appID, query.getAll("server"));
  zg.setDebugVerbose(false);
  window.zg = zg;
  followRoom(zg);
  zg.on("roomStreamUpdate", async (room, updateType, streamList, extendedData) => {
    logLine("roomStreamUpdate", `${updateType} ${streamList.map((stream) => stream.streamID).join(", ")} ${extendedData}`);
    for (const stream of streamList) {
      if (updateType === "ADD") await play(stream).catch(say);
      else stop(stream.streamID);
    }
  });
  zg.on("screenSharingEnded", () => stopSharing());

  const result = await zg.loginRoom(roomID, token, { userID, userName: userID }, { userUpdate: true });
  if (result !== true) return;
  inRoom(true);
  localStream = await zg.createZegoStream();
  localStream.playVideo($("#local-video"), { enableAutoplayDialog: true, objectFit: "cover", mirror: true });
  streamID = Date.now().toString();
  zg.startPublishingStream(streamID, localStream);
}

async function play({ streamID, user }) {
  const view = tile(streamID, user.userName || user.userID);
  const remoteStream = await zg.startPlayingStream(streamID);
  const remoteView = zg.createRemoteStreamView(remoteStream);
  remoteView.play(view, { enableAutoplayDialog: true, objectFit: "cover" });
}

function stop(streamID) {
  zg.stopPlayingStream(streamID);
  $(`#tile-${CSS.escape(streamID)}`)?.remove();
}

async function leave() {
  zg.stopPublishingStream(streamID);
  stopSharing();
  zg.destroyStream(localStream);
  await zg.logoutRoom(roomID);
  zg.destroyEngine();
  $("#remote-video").replaceChildren();
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

toggle("microphone", ["Mute microphone", "Unmute microphone"], (muted) => zg.muteMicrophone(muted));
toggle("camera", ["Turn camera off", "Turn camera on"], (off) => zg.mutePublishStreamVideo(localStream, off));
$("#screen").onclick = () => (screenStream ? stopSharing() : share());
$("#logout").onclick = () => leave().catch(say);
messageButtons(() => zg, () => roomID);
entryForm(join);
