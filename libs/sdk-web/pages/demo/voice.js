/* A voice call: the same calls, a stream without picture, and an audio element for each voice. */

let zg;
let localStream;
let roomID;
let streamID;

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
  zg.on("soundLevelUpdate", (levels) => levels.forEach(({ streamID, soundLevel }) => showLevel(streamID, soundLevel)));

  const detected = await zg.checkSystemRequirements("webRTC");
  if (!detected.result) throw new Error("This browser cannot hold calls.");
  const result = await zg.loginRoom(roomID, token, { userID, userName: userID }, { userUpdate: true });
  if (result !== true) return;
  inRoom(true);
  zg.setSoundLevelDelegate(true, 300);
  const opened = await openDevices(engine, [{ audio: true, video: false }]);
  if (engine !== zg) return stopDevices(opened);
  if (!opened) return;
  localStream = opened;
  if ($("#monitor").checked) localStream.playAudio();
  streamID = Date.now().toString();
  voice(streamID, `${userID} (you)`);
  zg.startPublishingStream(streamID, localStream);
  offerMutes(localStream);
}

async function play({ streamID, user }) {
  voice(streamID, user.userName || user.userID);
  const remoteStream = await zg.startPlayingStream(streamID);
  const remoteAudio = Object.assign(document.createElement("audio"), { id: `audio-${streamID}`, autoplay: true });
  remoteAudio.srcObject = remoteStream;
  $("#remote-audio").append(remoteAudio);
}

function stop(streamID) {
  zg?.stopPlayingStream(streamID);
  $(`#audio-${CSS.escape(streamID)}`)?.remove();
  $(`#voice-${CSS.escape(streamID)}`)?.remove();
}

/** A row with a level for each voice. */
function voice(streamID, name) {
  $("#alone").hidden = true;
  const row = document.createElement("tr");
  row.id = `voice-${streamID}`;
  const who = Object.assign(document.createElement("td"), { textContent: name });
  const meter = Object.assign(document.createElement("td"), { innerHTML: '<div class="meter"><i></i></div>', className: "level" });
  row.append(who, meter);
  $("#voices").append(row);
}

function showLevel(streamID, level) {
  const bar = $(`#voice-${CSS.escape(streamID)} i`);
  if (bar) bar.style.width = `${level}%`;
}

async function leave() {
  if (localStream) zg.stopPublishingStream(streamID);
  await zg.logoutRoom(roomID);
  release();
}

/** Ends the stay of an engine: gives back the microphone, and empties the places of others. An engine of an earlier stay changes nothing. */
function release(engine = zg) {
  if (engine !== zg) return;
  engine?.destroyEngine().catch(say);
  zg = localStream = undefined;
  inRoom(false);
  $("#voices").replaceChildren();
  $("#remote-audio").replaceChildren();
  $("#alone").hidden = false;
}

muteButton("microphone", "audio", ["Mute microphone", "Unmute microphone"], (off) => zg.muteMicrophone(off));
$("#logout").onclick = () => leave().catch(say);
messageButtons(() => zg, () => roomID);
entryForm(join, release);
