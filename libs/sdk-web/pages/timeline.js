/* A call as a picture: time from left to right, one lane for each person, below it one for each of their streams. */

const LANE = { person: 30, stream: 22, gap: 8, names: 150, top: 30, right: 24, least: 640 };
/** Shares lost from which a mark is no longer that of a good, then of a fair line. */
const LOSS = { fair: 0.02, bad: 0.1 };
const TICKS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];

/** A node of a picture, with its attributes and, as what a pointer over it tells, a title. */
function drawn(name, attributes, title = "", text = "") {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text) node.append(text);
  if (title) node.append(Object.assign(document.createElementNS(node.namespaceURI, "title"), { textContent: title }));
  return node;
}

/** The people of a call in the order of their first login, with what belongs to each. */
function lanesOf({ sessions, streams, plays }) {
  const people = new Map();
  const lane = (actor, row) => people.get(actor) ?? people.set(actor, { actor, name: nameOf(row), sessions: [], streams: [] }).get(actor);
  for (const session of sessions) lane(session.actor, session).sessions.push(session);
  for (const stream of streams) lane(stream.actor, stream).streams.push({ ...stream, plays: plays.filter((play) => play.streamID === stream.streamID && play.startedAt >= stream.addedAt && play.startedAt <= (stream.removedAt ?? Infinity)) });
  return [...people.values()];
}

/**
 * The picture. `said`: messages `{actor, at, text}` in unix microseconds; `pick(ms)` is called for a moment that was chosen: by a click, or
 * by keys as on a slider (arrows a hundredth of the call, Page a tenth, Home, End).
 * Two people with many sessions share no lane, so what overlaps is two logins of one person.
 */
function timeline(call, said, width, pick) {
  const points = call.points ?? [];
  const told = points.reduce((last, { at, tookMs }) => Math.max(last, at + tookMs * 1000), call.call.at); // a call that goes on is drawn as far as anything is known
  const [begin, end] = [call.call.startedAt / 1000, Math.max((call.call.endedAt ?? told) / 1000, call.call.startedAt / 1000 + 1000)];
  const wide = Math.max(width, LANE.least);
  const x = (us) => LANE.names + ((Math.min(us / 1000, end) - begin) / (end - begin)) * (wide - LANE.names - LANE.right);
  const lanes = lanesOf(call);
  const body = drawn("g", {});
  let y = LANE.top;
  lanes.forEach((person, index) => {
    const hue = (index * 137 + 222) % 360; // the golden angle: neighbours differ
    body.append(drawn("text", { x: 0, y: y + LANE.person / 2, class: "name" }, person.name, short(person.name, 18)));
    const bars = person.sessions.map((session) => sessionBar(session, y, x, end * 1000, hue));
    body.append(...bars.map(([bar]) => bar), ...bars.flatMap(([, kick]) => kick ?? []));
    for (const message of said.filter(({ actor }) => actor === person.actor)) {
      body.append(drawn("circle", { cx: x(message.at), cy: y + LANE.person / 2, r: 4.5, class: "message" }, `${clockTime(message.at / 1000)} ${person.name}: ${message.text}`));
    }
    y += LANE.person;
    for (const stream of person.streams) {
      body.append(drawn("text", { x: 14, y: y + LANE.stream / 2, class: "stream-name" }, stream.streamID, short(stream.streamID, 18)), streamBar(stream, y, x, end * 1000, hue), ...qualityMarks(stream, points, y, x));
      y += LANE.stream;
    }
    y += LANE.gap;
  });
  const height = y + 4;
  const picture = drawn("svg", { viewBox: `0 0 ${wide} ${height}`, width: wide, height, class: "timeline", role: "slider", tabindex: 0, "aria-label": `Moment of the call in ${call.call.room}`, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 0, "aria-valuetext": clockTime(begin) });
  const needle = drawn("line", { y1: LANE.top - 6, y2: height, class: "needle", visibility: "hidden" });
  picture.append(axis(begin, end, x, height), body, needle);
  choosing(picture, needle, { begin, end, wide }, pick);
  return picture;
}

/** What each key adds to the chosen share of the call. */
const KEYS = { ArrowLeft: -0.01, ArrowDown: -0.01, ArrowRight: 0.01, ArrowUp: 0.01, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 };

/** A moment is chosen by pointer or keys. A key that is held only moves the needle; the moment is asked for when it is released. */
function choosing(picture, needle, { begin, end, wide }, pick) {
  let share = 0;
  const moment = () => begin + share * (end - begin);
  const place = (chosen) => {
    share = Math.min(1, Math.max(0, chosen));
    const x = LANE.names + share * (wide - LANE.names - LANE.right);
    for (const [key, value] of Object.entries({ x1: x, x2: x, visibility: "visible" })) needle.setAttribute(key, value);
    picture.setAttribute("aria-valuenow", Math.round(share * 100));
    picture.setAttribute("aria-valuetext", clockTime(moment()));
  };
  picture.addEventListener("click", (event) => {
    const chosen = (event.clientX - picture.getBoundingClientRect().left - LANE.names) / (wide - LANE.names - LANE.right);
    if (chosen < 0 || chosen > 1) return;
    place(chosen);
    pick(moment());
  });
  picture.addEventListener("keydown", (event) => {
    if (!(event.key in KEYS)) return;
    event.preventDefault();
    place(share + KEYS[event.key]);
  });
  picture.addEventListener("keyup", (event) => event.key in KEYS && pick(moment()));
}

function sessionBar(session, y, x, end, hue) {
  const [from, to] = [x(session.joinedAt), x(session.leftAt ?? end)];
  const how = { left: "left", kicked: "was put out", closed: "until the room closed" }[session.how] ?? "is still there";
  const title = `${nameOf(session)}: ${clockTime(session.joinedAt / 1000)} to ${session.leftAt ? clockTime(session.leftAt / 1000) : "now"}, ${how}${session.reason ? ` (${session.reason})` : ""}`;
  const bar = drawn("rect", { x: from, y: y + 4, width: Math.max(to - from, 3), height: LANE.person - 8, rx: 6, class: "session" }, title);
  bar.style.setProperty("--hue", hue);
  if (session.how !== "kicked") return [bar];
  return [bar, drawn("text", { x: to, y: y + LANE.person / 2, class: "kick" }, `${title} [${session.code}]`, "×")];
}

function streamBar(stream, y, x, end, hue) {
  const [from, to] = [x(stream.addedAt), x(stream.removedAt ?? end)];
  const seen = [...new Set(stream.plays.map((play) => play.userID || "erased"))].join(", ");
  const kinds = [stream.hasAudio && "sound", stream.hasVideo && `picture (${stream.codec})`].filter(Boolean).join(" and ");
  const title = `${stream.streamID}: ${kinds}, ${lasting(((stream.removedAt ?? end) - stream.addedAt) / 1000)}${seen ? `; seen by ${seen}` : "; seen by nobody"}`;
  const bar = drawn("rect", { x: from, y: y + 5, width: Math.max(to - from, 3), height: LANE.stream - 10, rx: 4, class: "stream" }, title);
  bar.style.setProperty("--hue", hue);
  return bar;
}

/** Below a stream's bar a mark for each ten seconds, coloured by the worst loss on its way in or out. */
function qualityMarks(stream, points, y, x) {
  const within = ({ streamID, at, tookMs }) => streamID === stream.streamID && at + tookMs * 1000 >= stream.addedAt && at <= (stream.removedAt ?? Infinity);
  const times = new Map();
  for (const point of points.filter(within)) times.set(point.at, [...(times.get(point.at) ?? []), point]);
  return [...times].map(([at, of]) => {
    const worst = of.reduce((one, other) => ((other.loss ?? 0) > (one.loss ?? 0) ? other : one));
    const loss = worst.loss ?? 0;
    const from = Math.max(at, stream.addedAt);
    const to = Math.min(at + 10e6, stream.removedAt ?? Infinity);
    const incoming = of.filter(({ side }) => side === "publisher").reduce((sum, { bitrateBps }) => sum + bitrateBps, 0);
    const title = `${clockTime(at / 1000)}: ${Math.round(incoming / 1000)} kbit/s, ${loss ? `${(loss * 100).toFixed(1)} % lost (${worst.kind}, ${worst.side} ${worst.userID || "erased"})` : "no loss seen"}`;
    return drawn("rect", { x: x(from), y: y + LANE.stream - 4, width: Math.max(x(to) - x(from) - 0.5, 1), height: 3, class: `quality ${loss >= LOSS.bad ? "bad" : loss >= LOSS.fair ? "fair" : "good"}` }, title);
  });
}

function axis(begin, end, x, height) {
  const group = drawn("g", { class: "axis" });
  const step = (TICKS.find((seconds) => (end - begin) / 1000 / seconds <= 8) ?? 86400) * 1000;
  for (let at = Math.ceil(begin / step) * step; at <= end; at += step) {
    group.append(drawn("line", { x1: x(at * 1000), x2: x(at * 1000), y1: 18, y2: height }), drawn("text", { x: x(at * 1000), y: 10 }, "", clockTime(at)));
  }
  return group;
}

const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
