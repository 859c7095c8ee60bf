/* What the demo pages share: fields from the address, tokens of a server in development, a log. */

const $ = (selector) => document.querySelector(selector);
const query = new URLSearchParams(location.search);
/** What follows # stays in the browser, so a token belongs there: no server's log and no referrer has it. */
const fragment = new URLSearchParams(location.hash.slice(1));
/** Links of old named servers. A page of this server sends tokens, camera and microphone to this server alone. */
const foreignServer = query.getAll("server").find((address) => !isOwnServer(address));

function isOwnServer(address) {
  try {
    return new URL(address, location.origin).host === location.host;
  } catch {
    return false;
  }
}

// ?relay=1: media through a TURN server alone, to try one out
if (query.get("relay") === "1") ZegoExpressEngine.setEngineOptions({ iceTransportPolicy: "relay" });

/** Fills the form from the address, its token from `#token=`. The token does not stay in the address, where a shared screen shows it. */
function fillForm(ids) {
  for (const id of ids) if (query.has(id)) $(`#${id}`).value = query.get(id);
  if (query.has("app")) $("#appID").value = query.get("app");
  const token = fragment.get("token") ?? query.get("token");
  if (token === null) return;
  $("#token").value = token.replaceAll(" ", "+"); // base64's + reads as a space where nobody encoded it
  if (query.has("token")) logLine("token", "It stood in the query, which servers and proxies write into their logs. Write #token=… instead.", true);
  fragment.delete("token");
  query.delete("token");
  history.replaceState(null, "", [location.pathname, String(query) && `?${query}`, String(fragment) && `#${fragment}`].join(""));
}

/** The token of the form, or one from the server where it runs for development. */
async function credentials(appID, token, roomID, userID) {
  if (token) return { appID: Number(appID) || (await (await fetch("/v1/status")).json()).appID, token };
  const answer = await fetch("/v1/dev/token", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ userID, roomID, ...(Number(appID) ? { appID: Number(appID) } : {}) }),
  });
  if (!answer.ok) throw new Error("This server hands out no tokens here: paste one that `parlour token` made.");
  return answer.json();
}

/** One line in the page's log. */
function logLine(name, text = "", bad = false) {
  const line = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = new Date().toLocaleTimeString([], { hour12: false });
  const strong = document.createElement("b");
  strong.textContent = `${name} `;
  line.append(time, strong, typeof text === "string" ? text : JSON.stringify(text));
  line.classList.toggle("bad", bad);
  const log = $("#log");
  log.prepend(line);
  while (log.childElementCount > 300) log.lastElementChild.remove();
}

const STATES = { LOGINING: "logging in", LOGINED: "in the room", LOGIN_FAILED: "login failed", KICKOUT: "put out", LOGOUT: "logged out" };

function shownState(reason, good) {
  const pill = $("#state");
  pill.textContent = STATES[reason] ?? reason.toLowerCase().replaceAll("_", " ");
  pill.className = `pill ${good ? "good" : ""}`;
}

function say(error) {
  logLine("error", error.message ?? String(error), true);
  notify(error.message ?? String(error));
}

/** One sentence above everything else, where the page has a place for it; none to clear it. */
function notify(text = "") {
  const place = $("#notice");
  if (!place) return;
  place.textContent = text;
  place.hidden = !text;
}

/** An engine that talks to the page's own server, whatever its address names. */
function newEngine(appID) {
  const engine = new ZegoExpressEngine(appID, location.origin);
  engine.setDebugVerbose(false);
  return engine;
}

const someone = () => `guest-${Math.random().toString(36).slice(2, 6)}`;
