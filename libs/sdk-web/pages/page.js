/** What the pages share: their header, their elements, the form that is filled from the address, the log, and engines of the page's own server. */
import { readAddress } from "./address.js";
import { clockTime, errorText } from "./format.js";

const LOG_LINES = 300;
/** The pages that each page's header leads to, by their paths. */
const PAGES = { "/demo/video": "Video call", "/demo/voice": "Voice call", "/history": "History", "/debug": "Debug", "/detect": "Browser check" };

/** @template {HTMLElement} Kind @param {string} id @param {{ new (): Kind }} kind @returns {Kind} */
export function byId(id, kind) {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`the page has no ${kind.name} with the id ${id}`);
}

/** @param {string} id */
export const field = (id) => byId(id, HTMLInputElement);
/** @param {string} id */
export const select = (id) => byId(id, HTMLSelectElement);
/** @param {string} id */
export const button = (id) => byId(id, HTMLButtonElement);
/** @param {string} id */
export const link = (id) => byId(id, HTMLAnchorElement);
/** @param {string} id */
export const box = (id) => byId(id, HTMLElement);

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, unknown>} properties
 * @param {(string | Node)[]} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/**
 * A row of a table.
 * @param {Record<string, unknown>} properties
 * @param {[className: string, ...contents: (string | Node)[]][]} cells
 */
export const tableRow = (properties, ...cells) => element("tr", properties, ...cells.map(([className, ...contents]) => element("td", { className }, ...contents)));

/** A short word about something, coloured by its kind. @param {string} kind "good", "bad" or neither @param {string} textContent */
export const pill = (kind, textContent) => element("span", { className: `pill ${kind}`, textContent });

/** Puts the way to the content and the links to all pages in front of the page's state. */
function fillHeader() {
  const links = Object.entries(PAGES).map(([href, textContent]) => element("a", { href, textContent, ariaCurrent: href === location.pathname ? "page" : null }));
  const skip = element("a", { className: "skip", href: "#main", textContent: "To the content" });
  const brand = element("a", { className: "brand", href: "/" }, element("i"), "Parlour");
  box("top").prepend(skip, brand, element("nav", { ariaLabel: "Pages" }, ...links));
}
fillHeader();

/** Shows texts in a list; `none` where there are none. @param {string} id @param {string[]} rows @param {string} none */
export function showList(id, rows, none) {
  box(id).replaceChildren(...(rows.length ? rows : [none]).map((textContent) => element("li", { textContent })));
}

/** What the address asked for when the page was opened. */
export const opened = () => readAddress(location.href);

/** Fills fields from the address. Its token does not stay there, where a shared screen shows it. @param {string[]} ids */
export function fillForm(ids) {
  const { query, token, tokenInQuery, withoutToken } = opened();
  for (const id of ids) field(id).value = query.get(id) ?? field(id).value;
  if (query.has("app")) field("appID").value = query.get("app") ?? "";
  if (token === undefined) return;
  field("token").value = token;
  if (tokenInQuery) logLine("token", "It stood in the query, which servers and proxies write into their logs. Write #token=… instead.", true);
  history.replaceState(null, "", withoutToken);
}

/**
 * The token of the form with its app, or a token from the server where it runs for development.
 * @param {string} appID
 * @param {string} token
 * @param {string} roomID
 * @param {string} userID
 * @returns {Promise<{ appID: number, token: string }>}
 */
export async function credentials(appID, token, roomID, userID) {
  const app = Number(appID);
  if (token) return { appID: app || (await (await fetch("/v1/status")).json()).appID, token };
  const body = JSON.stringify({ userID, roomID, ...(app ? { appID: app } : {}) });
  const answer = await fetch("/v1/dev/token", { method: "POST", headers: { "content-type": "application/json" }, body });
  if (!answer.ok) throw new Error("This server hands out no tokens here: paste one that `parlour token` made.");
  return answer.json();
}

/**
 * An engine that sends tokens, camera and microphone to the page's own server alone, whatever the address names.
 * `?relay=1`: media through a TURN server alone, to try one out.
 * @param {number} appID
 */
export function newEngine(appID) {
  if (opened().query.get("relay") === "1") ZegoExpressEngine.setEngineOptions({ iceTransportPolicy: "relay" });
  const engine = new ZegoExpressEngine(appID, location.origin);
  engine.setDebugVerbose(false);
  return engine;
}

/** Puts a line on top of the page's log. @param {string} name @param {unknown} details */
export function logLine(name, details = "", bad = false) {
  const text = typeof details === "string" ? details : JSON.stringify(details);
  const line = element("li", {}, element("time", { textContent: clockTime(Date.now()) }), element("b", { textContent: `${name} ` }), text);
  line.classList.toggle("bad", bad);
  const log = box("log");
  log.prepend(line);
  while (log.childElementCount > LOG_LINES) log.lastElementChild?.remove();
}

/** Shows an error in the log and above everything else. @param {unknown} error */
export function showError(error) {
  logLine("error", errorText(error), true);
  notify(errorText(error));
}

/** One sentence above everything else, where the page has a place for it; without a text it is cleared. */
export function notify(text = "") {
  const place = document.getElementById("notice");
  if (!place) return;
  place.textContent = text;
  place.hidden = !text;
}

/** The page's state in its header. @param {string} text @param {"good" | "bad" | ""} kind */
export function showState(text, kind) {
  const pill = box("state");
  pill.textContent = text;
  pill.className = `pill ${kind}`;
}

/** @type {Record<string, string>} */
const ROOM_STATES = { LOGINING: "logging in", LOGINED: "in the room", LOGIN_FAILED: "login failed", KICKOUT: "put out", LOGOUT: "logged out" };

/** The state of the room, by the reason that roomStateChanged gave. @param {string} reason */
export function showRoomState(reason) {
  const good = reason === "LOGINED" || reason === "RECONNECTED";
  const bad = reason.endsWith("FAILED") || reason === "KICKOUT";
  showState(ROOM_STATES[reason] ?? reason.toLowerCase().replaceAll("_", " "), good ? "good" : bad ? "bad" : "");
}

export const guestName = () => `guest-${Math.random().toString(36).slice(2, 6)}`;
