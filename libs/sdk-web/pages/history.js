/** Calls of the past: a list, one call as a timeline, and the room as of any moment of it. */
import { clockTime, dateAndTime, duration, errorText, mutedText, nameOf } from "./format.js";
import { box, button, element, field, link, opened, showList, showState, tableRow } from "./page.js";
import { encodeRoom, keepToken, read, readAll, readerToken } from "./reader.js";
import { drawTimeline } from "./timeline.js";

/** @typedef {import("./timeline-layout.js").CallSummary} CallSummary */

const COLUMNS = 8;
const MOST_MESSAGES = 5000;
let nextCursor = "";

/** @param {unknown} [error] none: what was wrong is over */
function showProblem(error) {
  box("problem").textContent = error ? errorText(error) : "";
  box("problem").hidden = !error;
  showState(error ? "refused" : "reading the record", error ? "bad" : "good");
}

/** @param {string} id */
const instant = (id) => (field(id).value ? new Date(field(id).value).toISOString() : "");

async function findCalls(cursor = "") {
  const wanted = { room: field("room").value, user: field("user").value, from: instant("from"), to: instant("to"), cursor };
  const page = /** @type {import("../src/generated/contract").CallsPage} */ (await read("/v1/calls", wanted));
  keepToken(readerToken());
  showProblem();
  const list = box("calls");
  if (!cursor) list.replaceChildren();
  list.append(...(page.calls ?? []).map(callRow));
  for (const { month, file, calls } of page.archived ?? []) list.append(wideRow(`${calls} ${calls === 1 ? "call" : "calls"} begun in ${month}: archived in ${file}`));
  if (!list.childElementCount) list.append(wideRow("No call in this time."));
  nextCursor = page.next ?? "";
  button("more").hidden = !nextCursor;
  box("results").hidden = false;
}

/** @param {CallSummary} call */
function callRow(call) {
  const messages = call.broadcasts + call.barrages + call.commands;
  const counts = [call.participants, call.streams, messages, call.kicks];
  const open = element("button", { type: "button", textContent: "Open", onclick: () => showCall(call).catch(showProblem) });
  const lasted = call.endedAt ? duration((call.endedAt - call.startedAt) / 1000) : "goes on";
  const numbers = counts.map((count) => /** @type {[string, string]} */ (["num", String(count)]));
  const row = tableRow({}, ["", element("b", { textContent: call.room })], ["", dateAndTime(call.startedAt / 1000)], ["", lasted], ...numbers, ["num", open]);
  row.dataset.uid = call.roomUID;
  return row;
}

/** @param {string} textContent */
const wideRow = (textContent) => element("tr", {}, element("td", { colSpan: COLUMNS, className: "soft", textContent }));

/** @param {CallSummary} call */
async function showCall({ room, roomUID }) {
  const path = `/v1/calls/${roomUID}`;
  const [recorded, messages, { points }] = await Promise.all([
    readAll(`${path}/timeline`, ["sessions", "streams", "plays"]),
    messagesOf(room, roomUID),
    readAll(`${path}/quality`, ["points"]),
  ]);
  showProblem();
  for (const row of box("calls").querySelectorAll("tr")) row.classList.toggle("chosen", row.dataset.uid === roomUID);
  box("call-title").textContent = room;
  box("call-text").textContent = callText(recorded.call, recorded.cut);
  box("legend-note").textContent = messages ? "" : "Texts of messages need the scope events.";
  link("play").href = replayAddress(room, roomUID);
  box("call").hidden = false;
  box("moment").hidden = true;
  const timeline = box("timeline");
  timeline.replaceChildren(drawTimeline({ ...recorded, points }, messages ?? [], timeline.clientWidth, (ms) => showMoment(room, roomUID, ms).catch(showProblem)));
  const marks = timeline.querySelectorAll(":is(.session, .stream, .message) > title");
  box("timeline-text").replaceChildren(...[...marks].map(({ textContent }) => element("li", { textContent })));
  box("call").scrollIntoView({ block: "nearest" });
}

/** @param {CallSummary} call @param {boolean} cut */
function callText({ startedAt, endedAt, at, participants, peak, reason }, cut) {
  const lasted = endedAt ? duration((endedAt - startedAt) / 1000) : `goes on, as of ${clockTime(at / 1000)}`;
  const parts = [dateAndTime(startedAt / 1000), lasted, `${participants} people, ${peak} at once`, reason && `closed: ${reason}`, cut && "only its first part is shown"];
  return parts.filter(Boolean).join(" · ");
}

/** The messages of a call; null where the token may not read them. @param {string} room @param {string} roomUID */
async function messagesOf(room, roomUID) {
  try {
    const page = await read(`/v1/rooms/${encodeRoom(room)}/events`, { after: `${roomUID}.0.${"0".repeat(16)}`, types: "im", limit: MOST_MESSAGES });
    const events = /** @type {import("../src/generated/contract").EventView[]} */ (page.events);
    return events.filter((event) => event.roomUID === roomUID).map(({ actor = "", at, data }) => ({ actor, at, text: data.text ?? "erased" }));
  } catch {
    return null;
  }
}

/** @param {string} room @param {string} roomUID @param {number} ms unix milliseconds */
async function showMoment(room, roomUID, ms) {
  const state = /** @type {import("../src/generated/contract").RoomState} */ (await read(`/v1/calls/${roomUID}/state`, { at: new Date(ms).toISOString() }));
  const { users = [], streams = [], extraInfo = [] } = state;
  const names = new Map(users.map((user) => [user.actor, nameOf(user)]));
  box("moment-title").textContent = `As of ${dateAndTime(ms)} · event ${state.seq}`;
  showList("moment-people", users.map((user) => `${nameOf(user)}${user.suspended ? " (away)" : ""}`), "nobody");
  showList("moment-streams", streams.map((stream) => `${stream.streamID} of ${names.get(stream.actor) ?? "somebody who left"}${mutedText(stream)}`), "none");
  showList("moment-extra", extraInfo.map(({ key, value }) => `${key}: ${value}`), "none");
  link("play-here").href = `${replayAddress(room, roomUID)}&at=${Math.round(ms)}`;
  box("moment").hidden = false;
}

/** @param {string} room @param {string} roomUID */
const replayAddress = (room, roomUID) => `/debug?${new URLSearchParams({ replay: roomUID, room })}`;

box("search").onsubmit = (event) => {
  event.preventDefault();
  findCalls().catch(showProblem);
};
button("more").onclick = () => findCalls(nextCursor).catch(showProblem);
field("token").value = readerToken();
field("room").value = opened().query.get("room") ?? "";
if (readerToken()) findCalls().catch(showProblem);
