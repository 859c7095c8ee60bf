/** The controls of both calls: the form, the list of people, messages, the buttons that mute. */
import { errorText } from "../format.js";
import { box, button, byId, credentials, field, fillForm, guestName, logLine, newEngine, notify, opened, showError, showRoomState } from "../page.js";
import { peopleText, updatePeople } from "./call.js";

/** @typedef {import("./call.js").Engine} Engine */
/** @typedef {import("./call.js").DemoCall} DemoCall */
/** @typedef {{ button: HTMLButtonElement, kind: "audio" | "video", texts: [string, string], muted: boolean }} MuteButton */

/** @type {Map<string, string>} */
const people = new Map();
/** @type {MuteButton[]} */
const muteButtons = [];

/** Registers callbacks that both calls show: states, people, mutes of others, messages. @param {Engine} engine */
export function showRoom(engine) {
  engine.on("roomStateChanged", (_roomID, reason, errorCode, extendedData) => {
    logLine("roomStateChanged", `${reason}${errorCode ? ` ${errorCode} ${extendedData}` : ""}`, errorCode !== 0);
    showRoomState(reason);
  });
  engine.on("roomUserUpdate", (_roomID, updateType, userList) => {
    box("people").textContent = peopleText(updatePeople(people, updateType, userList));
    logLine("roomUserUpdate", `${updateType} ${userList.map((user) => user.userID).join(", ")}`);
  });
  engine.on("roomStreamUpdate", (_roomID, updateType, streamList, extendedData) => {
    logLine("roomStreamUpdate", `${updateType} ${streamList.map(({ streamID }) => streamID).join(", ")} ${extendedData}`);
  });
  showMutes(engine);
  engine.on("remoteCameraStatusUpdate", (streamID, status) => logLine(`camera of ${streamID}`, status.toLowerCase()));
  engine.on("remoteMicStatusUpdate", (streamID, status) => logLine(`microphone of ${streamID}`, status.toLowerCase()));
  engine.on("publisherStateUpdate", ({ streamID, state, errorCode, extendedData }) => logLine("publisher", `${state} ${streamID} ${errorCode || ""} ${extendedData}`, errorCode !== 0));
  engine.on("playerStateUpdate", ({ streamID, state, errorCode, extendedData }) => logLine("player", `${state} ${streamID} ${errorCode || ""} ${extendedData}`, errorCode !== 0));
  engine.on("IMRecvBroadcastMessage", (_roomID, chatData) => chatData.forEach(({ fromUser, message }) => logLine(`${fromUser.userID}:`, message)));
  engine.on("IMRecvBarrageMessage", (_roomID, chatData) => chatData.forEach(({ fromUser, message }) => logLine(`${fromUser.userID} (barrage):`, message)));
  engine.on("IMRecvCustomCommand", (_roomID, fromUser, command) => logLine(`${fromUser.userID} (command):`, command));
}

/** A stream's place says what its publisher has muted. @param {Engine} engine */
export function showMutes(engine) {
  /** @type {(device: "camera" | "microphone") => (streamID: string, status: "OPEN" | "MUTE") => void} */
  const mark = (device) => (streamID, status) => {
    const place = document.getElementById(`tile-${streamID}`) ?? document.getElementById(`voice-${streamID}`);
    if (place) place.dataset[device] = status.toLowerCase();
  };
  engine.on("remoteCameraStatusUpdate", mark("camera"));
  engine.on("remoteMicStatusUpdate", mark("microphone"));
}

/**
 * Enables the page's controls in the room, and disables them outside. Those of camera and microphone follow what is published.
 * @param {boolean} inside
 */
export function enableControls(inside) {
  for (const id of ["logout", "screen", "send-broadcast", "send-barrage", "send-command"]) {
    if (document.getElementById(id)) button(id).disabled = !inside;
  }
  button("login").disabled = inside;
  offerMutes(undefined);
  if (!inside) people.clear();
  box("people").textContent = inside ? peopleText(people) : "Join to see who is here.";
}

/**
 * A button that mutes a kind of media and says so only where `change` succeeded.
 * @param {string} id
 * @param {MuteButton["kind"]} kind
 * @param {MuteButton["texts"]} texts while it is open, while it is muted
 * @param {(muted: boolean) => boolean | undefined} change
 */
export function addMuteButton(id, kind, texts, change) {
  const mute = { button: button(id), kind, texts, muted: false };
  muteButtons.push(mute);
  mute.button.onclick = () => {
    if (!change(!mute.muted)) return showError(new Error(`${mute.button.textContent}: this was not possible.`));
    showMute(mute, !mute.muted);
  };
}

/** @param {MuteButton} mute @param {boolean} muted */
function showMute(mute, muted) {
  mute.muted = muted;
  mute.button.textContent = mute.texts[Number(muted)] ?? "";
}

/** A new stream sends whatever it has, so each button begins anew with it; undefined: nothing is sent. @param {import("./call.js").LocalStream | undefined} stream */
export function offerMutes(stream) {
  for (const mute of muteButtons) {
    showMute(mute, false);
    mute.button.disabled = !stream?.getTracks().some(({ kind }) => kind === mute.kind);
  }
}

/** The message field with its three buttons. @param {DemoCall} call */
export function addMessageButtons(call) {
  /** @type {(kind: string, send: (engine: Engine, text: string) => Promise<unknown>) => Promise<void>} */
  const send = async (kind, request) => {
    const text = field("message").value.trim();
    if (!text || !call.engine) return;
    try {
      await request(call.engine, text);
      logLine(`you (${kind}):`, text);
      field("message").select(); // typing replaces it, another button sends it once more
    } catch (error) {
      showError(error);
    }
  };
  button("send-broadcast").onclick = () => send("broadcast", (engine, text) => engine.sendBroadcastMessage(call.roomID, text));
  button("send-barrage").onclick = () => send("barrage", (engine, text) => engine.sendBarrageMessage(call.roomID, text));
  button("send-command").onclick = () => send("command", (engine, text) => engine.sendCustomCommand(call.roomID, text, []));
  field("message").addEventListener("keydown", (event) => {
    if (event.key === "Enter") button("send-broadcast").click();
  });
}

/** The form; it joins by itself when the address names room and user. @param {DemoCall} call */
export function addEntryForm(call) {
  const entry = byId("entry", HTMLFormElement);
  const { foreignServer, query } = opened();
  field("user").value = guestName();
  fillForm(["room", "user", "appID"]);
  entry.onsubmit = (event) => {
    event.preventDefault();
    button("login").disabled = true;
    notify();
    joinByForm(call).catch((error) => {
      logLine("error", errorText(error), true);
      if (box("notice").hidden) notify(errorText(error));
      call.release();
    });
  };
  if (foreignServer !== undefined) return showError(new Error(`This link names another server, ${foreignServer}. Nothing was sent there: if you join, it is on ${location.host}.`));
  if (query.has("room") && query.has("user")) entry.requestSubmit();
}

/** Joins with what the form says. @param {DemoCall} call */
export async function joinByForm(call) {
  const [roomID, userID] = [field("room").value, field("user").value];
  const { appID, token } = await credentials(field("appID").value, field("token").value, roomID, userID);
  window.zg = newEngine(appID);
  await call.join(window.zg, { roomID, userID, token });
}

/** What both calls do for a `DemoCall`. */
export const shared = { offerMutes, notify, showError, logLine };
