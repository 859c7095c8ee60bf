/** Reads the record over HTTP with a token that is kept for this tab alone. */

const STORED_TOKEN = "parlour.reader";
const MOST_PAGES = 20;

/** The token of the form, or that of an earlier page of this tab. */
export function readerToken() {
  const form = document.querySelector("#reader-token") ?? document.querySelector("#token");
  const written = form instanceof HTMLInputElement ? form.value.trim() : "";
  return written || sessionStorage.getItem(STORED_TOKEN) || "";
}

/** @param {string} token */
export function keepToken(token) {
  sessionStorage.setItem(STORED_TOKEN, token);
}

/**
 * The JSON at a path; rejects with what the server says against it. Parameters that are empty are left out.
 * @param {string} path
 * @param {Record<string, string | number | undefined>} parameters
 * @returns {Promise<any>}
 */
export async function read(path, parameters = {}) {
  const named = Object.entries(parameters).flatMap(([name, value]) => (value === "" || value === undefined ? [] : [[name, String(value)]]));
  const address = named.length ? `${path}?${new URLSearchParams(named)}` : path;
  const answer = await fetch(address, { headers: { authorization: `Bearer ${readerToken()}` }, cache: "no-store" });
  if (answer.ok) return answer.json();
  const { title = `the server answered ${answer.status}`, detail, hint } = await answer.json().catch(() => ({}));
  throw new Error([title, detail, hint].filter(Boolean).join(" · "));
}

/**
 * All pages of an answer with lists, put together; `cut` says that there are more than were read.
 * @template {string} List
 * @param {string} path
 * @param {readonly List[]} lists
 * @returns {Promise<Record<List, any[]> & { call: any, cut: boolean }>}
 */
export async function readAll(path, lists, mostPages = MOST_PAGES) {
  /** @type {Record<string, any[]>} */
  const whole = Object.fromEntries(lists.map((name) => [name, []]));
  let [call, cursor] = [undefined, ""];
  for (let pages = 0; pages === 0 || (cursor && pages < mostPages); pages++) {
    const page = await read(path, { cursor });
    for (const name of lists) whole[name]?.push(...(page[name] ?? []));
    call ??= page.call;
    cursor = page.next ?? "";
  }
  return { .../** @type {Record<List, any[]>} */ (whole), call, cut: cursor !== "" };
}

/** A room id as part of a path: all but letters, digits, _ and - as =XX. @param {string} room */
export function encodeRoom(room) {
  const percentEncoded = encodeURIComponent(room).replace(/[.!~*'()]/g, (kept) => `%${kept.charCodeAt(0).toString(16)}`);
  return percentEncoded.replace(/%../g, (byte) => `=${byte.slice(1).toUpperCase()}`);
}
