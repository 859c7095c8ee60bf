/* What both calls share: the form, the list of people, messages, the microphone. */

const people = new Map();

function showPeople() {
  $("#people").textContent = people.size ? `you and ${[...people.values()].join(", ")}` : "you alone";
}

/** Callbacks that both calls register before they log in. */
function followRoom(zg) {
  zg.on("roomStateChanged", (roomID, reason, errorCode, extendedData) => {
    logLine("roomStateChanged", `${reason}${errorCode ? ` ${errorCode} ${extendedData}` : ""}`, errorCode !== 0);
    shownState(reason, reason === "LOGINED" || reason === "RECONNECTED");
    if (["LOGIN_FAILED", "KICKOUT", "RECONNECT_FAILED", "LOGOUT"].includes(reason)) inRoom(false);
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

/** Switch the page's controls. */
function inRoom(inside) {
  for (const id of ["logout", "microphone", "camera", "screen", "send-broadcast", "send-barrage", "send-command"]) {
    const button = $(`#${id}`);
    if (button) button.disabled = !inside;
  }
  $("#login").disabled = inside;
  if (inside) showPeople();
  else {
    people.clear();
    $("#people").textContent = "";
  }
}

/** A button that is pressed or not. */
function toggle(id, texts, change) {
  const button = $(`#${id}`);
  button.onclick = () => {
    const pressed = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(pressed));
    button.textContent = texts[Number(pressed)];
    change(pressed);
  };
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

/** The form; it joins by itself when the address names room and user. */
function entryForm(join) {
  $("#user").value = someone();
  fillForm(["room", "user", "token", "appID"]);
  $("#entry").onsubmit = (event) => {
    event.preventDefault();
    $("#login").disabled = true;
    join({ roomID: $("#room").value, userID: $("#user").value, given: $("#token").value, appID: $("#appID").value }).catch((error) => {
      say(error);
      inRoom(false);
    });
  };
  if (query.has("room") && query.has("user")) $("#entry").requestSubmit();
}
