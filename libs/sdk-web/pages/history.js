/* Calls of the past: a list, one call as a timeline, and the room as of any moment of it. */

const PARTS = ["sessions", "streams", "plays", "messages"];
const NO_EVENTS = "Texts of messages need the scope events.";
let next = "";

function problem(error) {
  $("#problem").textContent = error ? error.message : "";
  $("#problem").hidden = !error;
  $("#state").textContent = error ? "refused" : "reading the record";
  $("#state").className = `pill ${error ? "bad" : "good"}`;
}

const instant = (field) => ($(field).value ? new Date($(field).value).toISOString() : "");

async function find(cursor = "") {
  const page = await read("/v1/calls", { room: $("#room").value, user: $("#user").value, from: instant("#from"), to: instant("#to"), cursor });
  keepToken(readerToken());
  problem();
  if (!cursor) $("#calls").replaceChildren();
  $("#calls").append(...(page.calls ?? []).map(callRow));
  $("#calls").append(...(page.archived ?? []).map(archivedRow));
  if (!$("#calls").childElementCount) $("#calls").append(element("tr", {}, element("td", { colSpan: 8, className: "soft", textContent: "No call in this time." })));
  next = page.next ?? "";
  $("#more").hidden = !next;
  $("#results").hidden = false;
}

function callRow(call) {
  const ended = call.endedAt ? lasting((call.endedAt - call.startedAt) / 1000) : "goes on";
  const messages = call.broadcasts + call.barrages + call.commands;
  const numbers = [call.participants, call.streams, messages, call.kicks].map((count) => element("td", { className: "num", textContent: count }));
  const open = element("button", { type: "button", textContent: "Open", onclick: () => show(call).catch(problem) });
  const row = element("tr", {}, element("td", {}, element("b", { textContent: call.room })), element("td", { textContent: dayTime(call.startedAt / 1000) }), element("td", { textContent: ended }), ...numbers, element("td", { className: "num" }, open));
  row.dataset.uid = call.roomUID;
  return row;
}

/** Calls that the database no longer has. */
function archivedRow({ month, file, calls }) {
  const textContent = `${calls} ${calls === 1 ? "call" : "calls"} begun in ${month}: archived in ${file}`;
  return element("tr", {}, element("td", { colSpan: 8, className: "soft", textContent }));
}

async function show({ room, roomUID }) {
  const path = `/v1/calls/${roomUID}`;
  const [call, said, { points }] = await Promise.all([readAll(`${path}/timeline`, PARTS), messagesOf(room, roomUID), readAll(`${path}/quality`, ["points"])]);
  problem();
  for (const row of $("#calls").children) row.classList.toggle("chosen", row.dataset.uid === roomUID);
  $("#call-title").textContent = room;
  const { startedAt, endedAt, at, participants, peak, reason } = call.call;
  $("#call-text").textContent = [dayTime(startedAt / 1000), endedAt ? lasting((endedAt - startedAt) / 1000) : `goes on, as of ${clockTime(at / 1000)}`, `${participants} people, ${peak} at once`, reason && `closed: ${reason}`, call.cut && "only its first part is shown"].filter(Boolean).join(" · ");
  $("#legend-note").textContent = said ? "" : NO_EVENTS;
  $("#play").href = replayAddress(room, roomUID);
  $("#call").hidden = false;
  $("#moment").hidden = true;
  $("#timeline").replaceChildren(timeline({ ...call, points }, said ?? [], $("#timeline").clientWidth, (ms) => moment(room, roomUID, ms).catch(problem)));
  const marks = $("#timeline").querySelectorAll(":is(.session, .stream, .message) > title");
  $("#timeline-text").replaceChildren(...[...marks].map((mark) => element("li", { textContent: mark.textContent })));
  $("#call").scrollIntoView({ block: "nearest" });
}

/** What was said, where the token may hear it; null otherwise. */
async function messagesOf(room, roomUID) {
  try {
    const page = await read(`/v1/rooms/${encodedRoom(room)}/events`, { after: `${roomUID}.0.${"0".repeat(16)}`, types: "im", limit: 5000 });
    return page.events.filter((event) => event.roomUID === roomUID).map(({ actor, at, data }) => ({ actor, at, text: data.text ?? "erased" }));
  } catch {
    return null;
  }
}

async function moment(room, roomUID, ms) {
  const state = await read(`/v1/calls/${roomUID}/state`, { at: new Date(ms).toISOString() });
  const names = new Map(state.users.map((user) => [user.actor, nameOf(user)]));
  const list = (id, rows, none) => $(id).replaceChildren(...(rows.length ? rows : [none]).map((text) => element("li", { textContent: text })));
  $("#moment-title").textContent = `As of ${dayTime(ms)} · event ${state.seq}`;
  list("#moment-people", state.users.map((user) => `${nameOf(user)}${user.suspended ? " (away)" : ""}`), "nobody");
  list("#moment-streams", state.streams.map((stream) => `${stream.streamID} of ${names.get(stream.actor) ?? "somebody who left"}${muted(stream)}`), "none");
  list("#moment-extra", state.extraInfo.map((entry) => `${entry.key}: ${entry.value}`), "none");
  $("#play-here").href = `${replayAddress(room, roomUID)}&at=${Math.round(ms)}`;
  $("#moment").hidden = false;
}

const muted = ({ audioMuted, videoMuted }) => (audioMuted || videoMuted ? ` (${[audioMuted && "microphone", videoMuted && "camera"].filter(Boolean).join(" and ")} muted)` : "");
const replayAddress = (room, roomUID) => `/debug?${new URLSearchParams({ replay: roomUID, room })}`;

$("#search").onsubmit = (event) => {
  event.preventDefault();
  find().catch(problem);
};
$("#more").onclick = () => find(next).catch(problem);
$("#token").value = sessionStorage.getItem(READER_TOKEN) ?? "";
$("#room").value = query.get("room") ?? "";
if (readerToken()) find().catch(problem);
