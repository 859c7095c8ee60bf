/* What both calls share: the form, the list of people, messages, the microphone. */

const people = new Map();

function showPeople() {
  $("#people").textContent = people.size ? `you and ${[...people.values()].join(", ")}` : "you alone";
}

/** Reasons for which one is no longer in the room, and what a guest can do about it. */
const OUTSIDE = {
  LOGIN_FAILED: "The room did not let you in. Ask whoever sent you the link for a new one; the reason is in the list below.",
  KICKOUT: "You were put out of the room. Camera and microphone are off.",
  RECONNECT_FAILED: "The connection is lost. Camera and microphone are off; join again when the network is back.",
  LOGOUT: "",
};

/** Callbacks that both calls register before they log in; `ended(zg)` gives back devices and places when the stay is over, whoever ended it. */
function followRoom(zg, ended) {
  zg.on("roomStateChanged", (roomID, reason, errorCode, extendedData) => {
    logLine("roomStateChanged", `${reason}${errorCode ? ` ${errorCode} ${extendedData}` : ""}`, errorCode !== 0);
    shownState(reason, reason === "LOGINED" || reason === "RECONNECTED");
    if (!(reason in OUTSIDE)) return;
    notify(OUTSIDE[reason]);
    ended(zg);
  });
  zg.on("roomUserUpdate", (roomID, updateType, userList) => {
    for (const { userID, userName } of userList) {
      if (updateType === "ADD") people.set(userID, userName || userID);
      else people.delete(userID);
    }
    showPeople();
    logLine("roomUserUpdate", `${updateType} ${userList.map((user) => user.userID).join(", ")}`);
  });
  zg.on("remoteCameraStatusUpdate", (streamID, status) => showMuted(streamID, "camera", status));
  zg.on("remoteMicStatusUpdate", (streamID, status) => showMuted(streamID, "microphone", status));
  zg.on("publisherStateUpdate", ({ streamID, state, errorCode, extendedData }) => logLine("publisher", `${state} ${streamID} ${errorCode || ""} ${extendedData}`, errorCode !== 0));
  zg.on("playerStateUpdate", ({ streamID, state, errorCode, extendedData }) => logLine("player", `${state} ${streamID} ${errorCode || ""} ${extendedData}`, errorCode !== 0));
  zg.on("IMRecvBroadcastMessage", (roomID, chatData) => chatData.forEach(({ fromUser, message }) => logLine(`${fromUser.userID}:`, message)));
  zg.on("IMRecvBarrageMessage", (roomID, chatData) => chatData.forEach(({ fromUser, message }) => logLine(`${fromUser.userID} (barrage):`, message)));
  zg.on("IMRecvCustomCommand", (roomID, fromUser, command) => logLine(`${fromUser.userID} (command):`, command));
}

/** A stream's place says what its publisher holds back. */
function showMuted(streamID, what, status) {
  const place = document.getElementById(`tile-${streamID}`) ?? document.getElementById(`voice-${streamID}`);
  if (place) place.dataset[what] = status.toLowerCase();
  logLine(`${what} of ${streamID}`, status.toLowerCase());
}

/** Switch the page's controls. Those of camera and microphone follow what is published. */
function inRoom(inside) {
  for (const id of ["logout", "screen", "send-broadcast", "send-barrage", "send-command"]) {
    const button = $(`#${id}`);
    if (button) button.disabled = !inside;
  }
  $("#login").disabled = inside;
  offerMutes(undefined);
  if (inside) showPeople();
  else {
    people.clear();
    $("#people").textContent = "";
  }
}

/** The buttons that hold back a kind of media, by id: their two words, and whether it is held back. */
const mutes = {};

/** A button that holds back a kind of media. `change(off)` does it; its word only changes where that succeeded. */
function muteButton(id, kind, texts, change) {
  const button = $(`#${id}`);
  mutes[id] = { button, kind, texts, off: false };
  button.onclick = () => {
    if (!change(!mutes[id].off)) return say(new Error(`${button.textContent}: this was not possible.`));
    showMute(mutes[id], !mutes[id].off);
  };
}

function showMute(mute, off) {
  mute.off = off;
  mute.button.textContent = mute.texts[Number(off)];
}

/** A new stream sends whatever it has, so each button begins anew with it; undefined: nothing is sent. */
function offerMutes(localStream) {
  for (const mute of Object.values(mutes)) {
    showMute(mute, false);
    mute.button.disabled = !localStream?.stream.getTracks().some((track) => track.kind === mute.kind);
  }
}

/** The vendor's code for "the visitor or the browser said no". */
const CAPTURE_DENIED = 1103064;

/** The first of these captures that there are devices for; undefined, with a sentence, where one can only watch and listen. */
async function openDevices(zg, captures) {
  for (const [index, camera] of captures.entries()) {
    try {
      const opened = await zg.createZegoStream({ camera });
      if (index) notify(camera.video ? "No microphone was found: others see you, and do not hear you." : "No camera was found: others hear you, and do not see you.");
      return opened;
    } catch (error) {
      logLine("devices", error.message ?? String(error), true);
      if (error.code === CAPTURE_DENIED) break; // who said no is not asked again
    }
  }
  notify("You watch and listen: this page has neither your camera nor your microphone.");
  return undefined;
}

/** A capture that came too late for the stay that asked for it. */
function stopDevices(opened) {
  for (const track of opened?.stream.getTracks() ?? []) track.stop();
}

function messageButtons(engine, roomID) {
  const send = async (kind, call) => {
    const text = $("#message").value.trim();
    if (!text) return;
    try {
      await call(text);
      logLine(`you (${kind}):`, text);
      $("#message").select(); // typing replaces it, another button sends it once more
    } catch (error) {
      say(error);
    }
  };
  $("#send-broadcast").onclick = () => send("broadcast", (text) => engine().sendBroadcastMessage(roomID(), text));
  $("#send-barrage").onclick = () => send("barrage", (text) => engine().sendBarrageMessage(roomID(), text));
  $("#send-command").onclick = () => send("command", (text) => engine().sendCustomCommand(roomID(), text, []));
  $("#message").addEventListener("keydown", (event) => {
    if (event.key === "Enter") $("#send-broadcast").click();
  });
}

/** The form; it joins by itself when the address names room and user. `ended()` ends what a failed `join` began. */
function entryForm(join, ended) {
  $("#user").value = someone();
  fillForm(["room", "user", "appID"]);
  $("#entry").onsubmit = (event) => {
    event.preventDefault();
    $("#login").disabled = true;
    notify();
    join({ roomID: $("#room").value, userID: $("#user").value, given: $("#token").value, appID: $("#appID").value }).catch((error) => {
      logLine("error", error.message ?? String(error), true);
      if ($("#notice").hidden) notify(error.message ?? String(error));
      ended();
    });
  };
  if (foreignServer !== undefined) return say(new Error(`This link names another server, ${foreignServer}. Nothing was sent there: if you join, it is on ${location.host}.`));
  if (query.has("room") && query.has("user")) $("#entry").requestSubmit();
}
