/* Reading the record: a token that is kept for this tab alone, and answers or the server's own words of refusal. */

const READER_TOKEN = "parlour.reader";
const READER_FIELD = document.querySelector("#reader-token") ? "#reader-token" : "#token";

/** The token of the form, or that of an earlier page of this tab. */
const readerToken = () => $(READER_FIELD).value.trim() || sessionStorage.getItem(READER_TOKEN) || "";

function keepToken(token) {
  sessionStorage.setItem(READER_TOKEN, token);
}

/** The JSON at a path; rejects with what the server says against it. */
async function read(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== "" && value !== undefined);
  const answer = await fetch(given.length ? `${path}?${new URLSearchParams(given)}` : path, { headers: { authorization: `Bearer ${readerToken()}` }, cache: "no-store" });
  if (answer.ok) return answer.json();
  const told = await answer.json().catch(() => ({}));
  throw new Error([told.title ?? `the server answered ${answer.status}`, told.detail, told.hint].filter(Boolean).join(" · "));
}

/** All pages of an answer with lists, put together; at most `pages` of them. */
async function readAll(path, lists, pages = 20) {
  const whole = {};
  let cursor = "";
  do {
    const page = await read(path, { cursor });
    for (const name of lists) whole[name] = [...(whole[name] ?? []), ...(page[name] ?? [])];
    whole.call ??= page.call;
    cursor = page.next ?? "";
  } while (cursor && --pages);
  return { ...whole, cut: cursor !== "" };
}

/** A room id as part of a path. */
const encodedRoom = (room) =>
  [...new TextEncoder().encode(room)].map((byte) => (/[\w-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `=${byte.toString(16).toUpperCase().padStart(2, "0")}`)).join("");

/** The name that a person is shown by; nobody's after an erasure. */
const nameOf = ({ userID, userName }) => userName || userID || "erased";

const clockTime = (ms) => new Date(ms).toLocaleTimeString([], { hour12: false });
const dayTime = (ms) => new Date(ms).toLocaleString([], { dateStyle: "medium", timeStyle: "medium", hour12: false });

/** 3 s, 4 min 5 s, 2 h 3 min. */
function lasting(ms) {
  const seconds = Math.round(ms / 1000);
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return hours ? `${hours} h ${minutes} min` : minutes ? `${minutes} min ${rest} s` : `${rest} s`;
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}
