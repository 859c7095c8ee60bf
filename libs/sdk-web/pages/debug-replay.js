/** `/debug?replay=POSITION&room=ROOM`: a recorded call on the page that shows live ones, with a slider over its time. */
import { showCallbacks, SHOWN_CALLBACKS, showFrame } from "./debug.js";
import { clockTime, nameOf } from "./format.js";
import { box, button, element, field, newEngine, opened, select, showError, showList, showState } from "./page.js";
import { keepToken, read, readerToken } from "./reader.js";

/** @typedef {import("../src").ZegoReplay} Replay */

/** What the button does next, by the replay's state. @type {Record<string, string>} */
const BUTTON_TEXTS = { PLAYING: "Pause", ENDED: "Again" };
const { query } = opened();
/** @type {import("../src").ZegoExpressEngine | undefined} */
let engine;
/** @type {Replay | undefined} */
let replay;

async function startReplay() {
  replay?.stop();
  replay = undefined;
  const [from, speed] = [field("replay-from").value, Number(select("replay-speed").value)];
  engine ??= replayEngine((await (await fetch("/v1/status")).json()).appID || 1);
  keepToken(readerToken());
  field("replay-room").value ||= await roomOf(from);
  for (const list of ["events", "log"]) box(list).replaceChildren();
  replay = window.replay = await engine.replayRoom(field("replay-room").value, { token: readerToken(), ...(from ? { from } : {}), speed, paused: true });
  const { fromTime, toTime, toSeq } = replay.range;
  Object.assign(field("replay-slider"), { min: fromTime, max: toTime, disabled: false });
  field("replay-seq").max = String(toSeq);
  button("replay-play").disabled = false;
  jump(replay, query.has("at") ? new Date(Number(query.get("at"))) : replay.seq);
  replay.resume();
}

/** The room that a position belongs to: it names its call, and the call its room. @param {string} position */
async function roomOf(position) {
  const call = await read(`/v1/calls/${position.split(".")[0]}`).catch(() => undefined);
  if (!call) throw new Error("Which room? A token without the scope history cannot tell it from the position.");
  return call.call.room;
}

/** An engine whose every callback is shown, and that has no connection. @param {number} appID */
function replayEngine(appID) {
  const made = newEngine(appID);
  const names = [...SHOWN_CALLBACKS, /** @type {const} */ ("roomStreamUpdate")];
  showCallbacks(made, names);
  for (const name of [...names, /** @type {const} */ ("parlourReplay")]) made.on(name, () => replay && showMoment(replay));
  made.on("parlourFrame", showFrame);
  made.on("parlourReplay", (_roomID, { state }) => {
    button("replay-play").textContent = BUTTON_TEXTS[state] ?? "Play";
    showState(`replay ${state.toLowerCase()}`, state === "PLAYING" ? "good" : "");
    if (state === "PLAYING") requestAnimationFrame(followTime);
  });
  return made;
}

/** The slider goes with the replay, unless a hand holds it. */
function followTime() {
  if (!replay) return;
  showTime(replay);
  if (replay.state === "PLAYING") requestAnimationFrame(followTime);
}

/** @param {Replay} replay */
function showTime({ time, seq }) {
  if (!field("replay-slider").matches(":active")) field("replay-slider").value = String(time);
  box("replay-clock").textContent = clockTime(time);
  box("replay-day").textContent = new Date(time).toLocaleDateString([], { dateStyle: "medium" });
  if (document.activeElement !== field("replay-seq")) field("replay-seq").value = String(seq);
}

/** Who and what is in the room at the replay's time. @param {Replay} replay */
function showMoment(replay) {
  const { users, extraInfo, messages, streams } = replay;
  showTime(replay);
  box("position").textContent = replay.position || "before the first event";
  showList("replay-people", users.map(nameOf), "nobody");
  showList("replay-extra", extraInfo.map(({ key, value, updateUser }) => `${key}: ${value} (${nameOf(updateUser)})`), "none");
  box("replay-messages").replaceChildren(...messages.map(messageLine).reverse());
  box("replay-streams").replaceChildren(...(streams.length ? streams.map(streamCard) : [element("span", { className: "soft", textContent: "none" })]));
}

/** @param {Replay["streams"][number]} stream */
function streamCard({ streamID, user, extraInfo, audioMuted, videoMuted }) {
  const lines = [streamID, `camera ${videoMuted ? "muted" : "open"}`, `microphone ${audioMuted ? "muted" : "open"}`, extraInfo].filter(Boolean);
  return element("div", { className: "one" }, element("b", { textContent: nameOf(user) }), ...lines.map((textContent) => element("div", { className: "soft", textContent })));
}

/** @param {Replay["messages"][number]} message */
function messageLine({ kind, fromUser, message, sendTime }) {
  return element("li", {}, element("span", { className: "soft", textContent: `${clockTime(sendTime)} ${kind} ` }), element("b", { textContent: `${nameOf(fromUser)} ` }), message);
}

/** Goes elsewhere in the call; the list of events begins anew there. @param {Replay} replay @param {number | Date} moment */
function jump(replay, moment) {
  box("events").replaceChildren();
  replay.seek(moment);
  showMoment(replay);
}

if (query.has("replay")) {
  for (const id of ["entry", "live"]) box(id).hidden = true;
  for (const id of ["replay-entry", "recorded"]) box(id).hidden = false;
  field("reader-token").value = readerToken();
  field("replay-from").value = query.get("replay") ?? "";
  field("replay-room").value = query.get("room") ?? "";
  showState("no call yet", "");
  box("replay-entry").onsubmit = (event) => {
    event.preventDefault();
    startReplay().catch(showError);
  };
  button("replay-play").onclick = () => (replay?.state === "PLAYING" ? replay.pause() : replay?.resume());
  select("replay-speed").onchange = () => replay?.setSpeed(Number(select("replay-speed").value));
  field("replay-slider").oninput = () => replay && jump(replay, new Date(Number(field("replay-slider").value)));
  field("replay-seq").onchange = () => replay && jump(replay, Number(field("replay-seq").value));
  if (readerToken()) startReplay().catch(showError);
}
