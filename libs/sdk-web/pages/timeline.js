/** Draws a call as a picture in which a moment can be chosen. */
import { clockTime, shortened } from "./format.js";
import { axisTicks, clampShare, lanesOf, qualityMarks, sessionTitle, shareAfterKey, SIZE, streamTitle, timeRange } from "./timeline-layout.js";

/** @typedef {import("./timeline-layout.js").RecordedCall} RecordedCall */
/** @typedef {import("./timeline-layout.js").Message} Message */
/** @typedef {(us: number) => number} Scale from unix microseconds to pixels */
/** @typedef {{ begin: number, end: number, width: number }} Frame times in unix milliseconds */

const NAME_CHARACTERS = 18;
const DEGREES_BETWEEN_HUES = 137; // the golden angle: neighbours differ
const FIRST_HUE = 222;

/**
 * `pick` is called with a moment in unix milliseconds that was chosen by a click, or by keys as on a slider.
 * What overlaps in a lane is two logins of one person: two people share none.
 * @param {RecordedCall} call
 * @param {Message[]} messages
 * @param {number} width
 * @param {(ms: number) => void} pick
 */
export function drawTimeline(call, messages, width, pick) {
  const [begin, end] = timeRange(call.call, call.points);
  const frame = { begin, end, width: Math.max(width, SIZE.least) };
  /** @type {Scale} */
  const x = (us) => SIZE.names + ((Math.min(us / 1000, end) - begin) / (end - begin)) * laneWidth(frame);
  const body = svg("g", {});
  let y = SIZE.top;
  lanesOf(call).forEach((person, index) => {
    const hue = (index * DEGREES_BETWEEN_HUES + FIRST_HUE) % 360;
    const said = messages.filter(({ actor }) => actor === person.actor);
    body.append(...personParts(person, said, y, x, end * 1000, hue));
    y += SIZE.person;
    for (const stream of person.streams) {
      body.append(...streamParts(stream, call.points, y, x, end * 1000, hue));
      y += SIZE.stream;
    }
    y += SIZE.gap;
  });
  return withNeedle(call.call.room, frame, y + 4, [axis(frame, x, y + 4), body], pick);
}

/** @param {Frame} frame */
const laneWidth = ({ width }) => width - SIZE.names - SIZE.right;

/**
 * @param {import("./timeline-layout.js").PersonLane} person
 * @param {Message[]} said
 * @param {number} y
 * @param {Scale} x
 * @param {number} end
 * @param {number} hue
 */
function personParts(person, said, y, x, end, hue) {
  const middle = y + SIZE.person / 2;
  const name = svg("text", { x: 0, y: middle, class: "name" }, person.name, shortened(person.name, NAME_CHARACTERS));
  const bars = person.sessions.map((session) => {
    const [from, to] = [x(session.joinedAt), x(session.leftAt ?? end)];
    return coloured(hue, svg("rect", { x: from, y: y + 4, width: Math.max(to - from, 3), height: SIZE.person - 8, rx: 6, class: "session" }, sessionTitle(session)));
  });
  const kicked = person.sessions.filter(({ how }) => how === "kicked");
  const kicks = kicked.map((session) => svg("text", { x: x(session.leftAt ?? end), y: middle, class: "kick" }, `${sessionTitle(session)} [${session.code}]`, "×"));
  const dots = said.map(({ at, text }) => svg("circle", { cx: x(at), cy: middle, r: 4.5, class: "message" }, `${clockTime(at / 1000)} ${person.name}: ${text}`));
  return [name, ...bars, ...kicks, ...dots];
}

/**
 * @param {import("./timeline-layout.js").StreamLane} stream
 * @param {RecordedCall["points"]} points
 * @param {number} y
 * @param {Scale} x
 * @param {number} end
 * @param {number} hue
 */
function streamParts(stream, points, y, x, end, hue) {
  const name = svg("text", { x: 14, y: y + SIZE.stream / 2, class: "stream-name" }, stream.streamID, shortened(stream.streamID, NAME_CHARACTERS));
  const [from, to] = [x(stream.addedAt), x(stream.removedAt ?? end)];
  const bar = coloured(hue, svg("rect", { x: from, y: y + 5, width: Math.max(to - from, 3), height: SIZE.stream - 10, rx: 4, class: "stream" }, streamTitle(stream, end)));
  const marks = qualityMarks(stream, points).map((mark) =>
    svg("rect", { x: x(mark.from), y: y + SIZE.stream - 4, width: Math.max(x(mark.to) - x(mark.from) - 0.5, 1), height: 3, class: `quality ${mark.grade}` }, mark.title),
  );
  return [name, bar, ...marks];
}

/** @param {Frame} frame @param {Scale} x @param {number} height */
function axis({ begin, end }, x, height) {
  const group = svg("g", { class: "axis" });
  for (const at of axisTicks(begin, end)) {
    group.append(svg("line", { x1: x(at * 1000), x2: x(at * 1000), y1: 18, y2: height }), svg("text", { x: x(at * 1000), y: 10 }, "", clockTime(at)));
  }
  return group;
}

/**
 * The whole picture as a slider. A key that is held only moves the needle; the moment is picked when it is released.
 * @param {string} room
 * @param {Frame} frame
 * @param {number} height
 * @param {SVGElement[]} parts
 * @param {(ms: number) => void} pick
 */
function withNeedle(room, frame, height, parts, pick) {
  const { begin, end, width } = frame;
  const slider = { role: "slider", tabindex: 0, "aria-label": `Moment of the call in ${room}`, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 0, "aria-valuetext": clockTime(begin) };
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, class: "timeline", ...slider });
  const needle = svg("line", { y1: SIZE.top - 6, y2: height, class: "needle", visibility: "hidden" });
  picture.append(...parts, needle);
  let share = 0;
  const moment = () => begin + share * (end - begin);
  const choose = (/** @type {number} */ chosen) => {
    share = clampShare(chosen);
    const x = SIZE.names + share * laneWidth(frame);
    setAttributes(needle, { x1: x, x2: x, visibility: "visible" });
    setAttributes(picture, { "aria-valuenow": Math.round(share * 100), "aria-valuetext": clockTime(moment()) });
  };
  picture.addEventListener("click", ({ clientX }) => {
    const chosen = (clientX - picture.getBoundingClientRect().left - SIZE.names) / laneWidth(frame);
    if (chosen < 0 || chosen > 1) return;
    choose(chosen);
    pick(moment());
  });
  picture.addEventListener("keydown", (event) => {
    const chosen = shareAfterKey(share, event.key);
    if (chosen === undefined) return;
    event.preventDefault();
    choose(chosen);
  });
  picture.addEventListener("keyup", ({ key }) => {
    if (shareAfterKey(share, key) !== undefined) pick(moment());
  });
  return picture;
}

/**
 * A node of the picture; `title` is what a pointer over it reads.
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 */
function svg(name, attributes, title = "", text = "") {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  setAttributes(node, attributes);
  if (text) node.append(text);
  if (title) node.append(Object.assign(document.createElementNS(node.namespaceURI, "title"), { textContent: title }));
  return /** @type {SVGElement} */ (node);
}

/** @param {Element} node @param {Record<string, string | number>} attributes */
function setAttributes(node, attributes) {
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
}

/** @param {number} hue @param {SVGElement} bar */
function coloured(hue, bar) {
  bar.style.setProperty("--hue", String(hue));
  return bar;
}
