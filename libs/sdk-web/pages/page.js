/* What the demo pages share: fields from the address, tokens of a server in development, a log. */

const $ = (selector) => document.querySelector(selector);
const query = new URLSearchParams(location.search);

// ?relay=1: media through a TURN server alone, to try one out
if (query.get("relay") === "1") ZegoExpressEngine.setEngineOptions({ iceTransportPolicy: "relay" });

/** Fill the form from the address. A token does not stay there, where histories and logs would keep it. */
function fillForm(ids) {
  for (const id of ids) {
    const field = $(`#${id}`);
    // base64's + reads as a space in a query that nobody encoded
    if (field && query.has(id)) field.value = id === "token" ? query.get(id).replaceAll(" ", "+") : query.get(id);
  }
  if (query.has("app")) $("#appID").value = query.get("app");
  if (query.has("token")) {
    query.delete("token");
    history.replaceState(null, "", `${location.pathname}?${query}`);
  }
}

/** The token of the form, or one from the server where it runs for development. */
async function credentials(appID, token, roomID, userID) {
  if (token) return { appID: Number(appID) || (await (await fetch("/v1/status")).json()).appID, token };
  const answer = await fetch("/v1/dev/token", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ userID, roomID, ...(Number(appID) ? { appID: Number(appID) } : {}) }),
  });
  if (!answer.ok) throw new Error("This server hands out no tokens: paste one that `parlour token` made.");
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
}

const someone = () => `guest-${Math.random().toString(36).slice(2, 6)}`;
