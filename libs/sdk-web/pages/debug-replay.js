/* `/debug?replay=POSITION&room=ROOM`: a recorded call on the page that shows live ones, with a slider over its time. */

let replay;

async function startReplay() {
  replay?.stop();
  replay = undefined;
  const appID = (await (await fetch("/v1/status")).json()).appID || 1;
  zg ??= replayEngine(appID);
  keepToken(readerToken());
  $("#replay-room").value ||= await roomOf($("#replay-from").value);
  for (const list of ["#events", "#log"]) $(list).replaceChildren();
  replay = await zg.replayRoom($("#replay-room").value, { token: readerToken(), from: $("#replay-from").value || undefined, speed: Number($("#replay-speed").value), paused: true });
  window.replay = replay;
  const { fromTime, toTime, toSeq } = replay.range;
  Object.assign($("#replay-slider"), { min: fromTime, max: toTime, disabled: false });
  $("#replay-seq").max = toSeq;
  $("#replay-play").disabled = false;
  if (query.has("at")) jump(new Date(Number(query.get("at"))));
  else jump(replay.seq);
  replay.resume();
}

/** A position names its call, and the call its room. */
async function roomOf(position) {
  const call = await read(`/v1/calls/${position.split(".")[0]}`).catch(() => undefined);
  if (!call) throw new Error("Which room? A token without the scope history cannot tell it from the position.");
  return call.call.room;
}

/** An engine whose every callback is shown, and no connection. */
function replayEngine(appID) {
  const engine = newEngine(appID);
  for (const name of [...CALLBACKS, "roomStreamUpdate"]) engine.on(name, (...args) => logLine(name, args));
  for (const name of CALLBACKS.concat("roomStreamUpdate", "parlourReplay")) engine.on(name, showMoment);
  engine.on("parlourFrame", showFrame);
  engine.on("parlourReplay", (roomID, { state }) => {
    $("#replay-play").textContent = { PLAYING: "Pause", ENDED: "Again" }[state] ?? "Play";
    $("#state").textContent = `replay ${state.toLowerCase()}`;
    $("#state").className = `pill ${state === "PLAYING" ? "good" : ""}`;
    if (state === "PLAYING") requestAnimationFrame(follow);
  });
  return engine;
}

/** The slider goes with the replay, unless a hand holds it. */
function follow() {
  showTime();
  if (replay.state === "PLAYING") requestAnimationFrame(follow);
}

function showTime() {
  if (!$("#replay-slider").matches(":active")) $("#replay-slider").value = replay.time;
  $("#replay-clock").textContent = clockTime(replay.time);
  $("#replay-day").textContent = new Date(replay.time).toLocaleDateString([], { dateStyle: "medium" });
  if (document.activeElement !== $("#replay-seq")) $("#replay-seq").value = replay.seq;
}

/** Who and what is there now. */
function showMoment() {
  if (!replay) return;
  showTime();
  $("#position").textContent = replay.position || "before the first event";
  const items = (rows, none) => (rows.length ? rows : [none]).map((textContent) => element("li", { textContent }));
  $("#replay-people").replaceChildren(...items(replay.users.map(nameOf), "nobody"));
  $("#replay-extra").replaceChildren(...items(replay.extraInfo.map(({ key, value, updateUser }) => `${key}: ${value} (${nameOf(updateUser)})`), "none"));
  $("#replay-messages").replaceChildren(...replay.messages.map(messageLine).reverse());
  $("#replay-streams").replaceChildren(...(replay.streams.length ? replay.streams.map(streamCard) : [element("span", { className: "soft", textContent: "none" })]));
}

function streamCard({ streamID, user, extraInfo, audioMuted, videoMuted }) {
  const told = [`camera ${videoMuted ? "muted" : "open"}`, `microphone ${audioMuted ? "muted" : "open"}`, extraInfo].filter(Boolean);
  return element("div", { className: "one" }, element("b", { textContent: nameOf(user) }), element("div", { className: "soft", textContent: streamID }), ...told.map((textContent) => element("div", { className: "soft", textContent })));
}

function messageLine({ kind, fromUser, message, sendTime }) {
  return element("li", {}, element("span", { className: "soft", textContent: `${clockTime(sendTime)} ${kind} ` }), element("b", { textContent: `${nameOf(fromUser)} ` }), message);
}

/** Elsewhere in the call; the list of events begins anew there. */
function jump(moment) {
  $("#events").replaceChildren();
  replay.seek(moment);
  showMoment();
}

if (query.has("replay")) {
  for (const id of ["#entry", "#live"]) $(id).hidden = true;
  for (const id of ["#replay-entry", "#recorded"]) $(id).hidden = false;
  $("#replay-from").value = query.get("replay");
  $("#replay-room").value = query.get("room") ?? "";
  $("#state").textContent = "no call yet";
  $("#replay-entry").onsubmit = (event) => {
    event.preventDefault();
    startReplay().catch(say);
  };
  $("#replay-play").onclick = () => (replay.state === "PLAYING" ? replay.pause() : replay.resume());
  $("#replay-speed").onchange = () => replay?.setSpeed(Number($("#replay-speed").value));
  $("#replay-slider").oninput = () => jump(new Date(Number($("#replay-slider").value)));
  $("#replay-seq").onchange = () => replay && jump(Number($("#replay-seq").value));
  if (readerToken()) startReplay().catch(say);
}
