/** Where the parts of a call's picture lie, and what is written at them: time from left to right, one lane for each person and each of their streams. */
import { clockTime, duration, nameOf } from "./format.js";

/** @typedef {import("../src/generated/contract").TimelinePage} TimelinePage */
/** @typedef {import("../src/generated/contract").SessionSpan} SessionSpan */
/** @typedef {import("../src/generated/contract").StreamSpan} StreamSpan */
/** @typedef {import("../src/generated/contract").PlaySpan} PlaySpan */
/** @typedef {import("../src/generated/contract").QualityPoint} QualityPoint */
/** @typedef {import("../src/generated/contract").Call} CallSummary */
/** @typedef {{ call: CallSummary, sessions: SessionSpan[], streams: StreamSpan[], plays: PlaySpan[], points: QualityPoint[] }} RecordedCall */
/** @typedef {{ actor: string, at: number, text: string }} Message times in unix microseconds */
/** @typedef {StreamSpan & { seenBy: PlaySpan[] }} StreamLane */
/** @typedef {{ actor: string, name: string, sessions: SessionSpan[], streams: StreamLane[] }} PersonLane */
/** @typedef {{ from: number, to: number, grade: "good" | "fair" | "bad", title: string }} QualityMark times in unix microseconds */

/** Sizes of the picture in pixels. */
export const SIZE = { person: 30, stream: 22, gap: 8, names: 150, top: 30, right: 24, least: 640 };
/** Shares of packets lost from which a mark is no longer good, and no longer fair. */
const LOSS = { fair: 0.02, bad: 0.1 };
const QUALITY_SPAN_US = 10e6;
const SHORTEST_CALL_MS = 1000;
/** Seconds between two marks of the axis. */
const TICK_STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
const MOST_TICKS = 8;
/** What each key adds to the chosen share of the call. */
/** @type {Record<string, number>} */
const KEY_STEPS = { ArrowLeft: -0.01, ArrowDown: -0.01, ArrowRight: 0.01, ArrowUp: 0.01, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 };

/**
 * The people of a call in the order of their first login, with what belongs to each.
 * @param {Pick<RecordedCall, "sessions" | "streams" | "plays">} call
 * @returns {PersonLane[]}
 */
export function lanesOf({ sessions, streams, plays }) {
  /** @type {Map<string, PersonLane>} */
  const lanes = new Map();
  const laneOf = (/** @type {SessionSpan | StreamSpan} */ span) => {
    const lane = lanes.get(span.actor) ?? { actor: span.actor, name: nameOf(span), sessions: [], streams: [] };
    lanes.set(span.actor, lane);
    return lane;
  };
  for (const session of sessions) laneOf(session).sessions.push(session);
  for (const stream of streams) {
    const seenBy = plays.filter(({ streamID, startedAt }) => streamID === stream.streamID && isDuring(stream, startedAt));
    laneOf(stream).streams.push({ ...stream, seenBy });
  }
  return [...lanes.values()];
}

/** @param {StreamSpan} stream @param {number} at */
const isDuring = ({ addedAt, removedAt }, at) => at >= addedAt && at <= (removedAt ?? Infinity);

/**
 * From the call's beginning to its end, in unix milliseconds. A call that goes on is drawn as far as anything is known of it.
 * @param {CallSummary} call
 * @param {Pick<QualityPoint, "at" | "tookMs">[]} points
 * @returns {[begin: number, end: number]}
 */
export function timeRange(call, points) {
  const known = points.reduce((last, { at, tookMs }) => Math.max(last, at + tookMs * 1000), call.at);
  const begin = call.startedAt / 1000;
  return [begin, Math.max((call.endedAt ?? known) / 1000, begin + SHORTEST_CALL_MS)];
}

/**
 * The moments between begin and end that the axis names, at round times. All in unix milliseconds.
 * @param {number} begin
 * @param {number} end
 */
export function axisTicks(begin, end) {
  const step = (TICK_STEPS_S.find((seconds) => (end - begin) / 1000 / seconds <= MOST_TICKS) ?? 86400) * 1000;
  const ticks = [];
  for (let at = Math.ceil(begin / step) * step; at <= end; at += step) ticks.push(at);
  return ticks;
}

/** What a pointer over a session's bar reads. @param {SessionSpan} session */
export function sessionTitle(session) {
  const ends = /** @type {Record<string, string>} */ ({ left: "left", kicked: "was put out", closed: "until the room closed" });
  const until = session.leftAt ? clockTime(session.leftAt / 1000) : "now";
  const reason = session.reason ? ` (${session.reason})` : "";
  return `${nameOf(session)}: ${clockTime(session.joinedAt / 1000)} to ${until}, ${ends[session.how] ?? "is still there"}${reason}`;
}

/**
 * What a pointer over a stream's bar reads; `end` is where the picture ends, in unix microseconds.
 * @param {StreamLane} stream
 * @param {number} end
 */
export function streamTitle(stream, end) {
  const viewers = [...new Set(stream.seenBy.map(({ userID }) => userID || "erased"))].join(", ");
  const kinds = [stream.hasAudio && "sound", stream.hasVideo && `picture (${stream.codec})`].filter(Boolean).join(" and ");
  return `${stream.streamID}: ${kinds}, ${duration(((stream.removedAt ?? end) - stream.addedAt) / 1000)}; seen by ${viewers || "nobody"}`;
}

/**
 * One mark for each ten seconds of a stream, graded by the worst loss on its way in or out.
 * @param {StreamSpan} stream
 * @param {QualityPoint[]} points of the whole call
 * @returns {QualityMark[]}
 */
export function qualityMarks(stream, points) {
  /** @type {Map<number, QualityPoint[]>} */
  const spans = new Map();
  for (const point of points) {
    const ends = point.at + point.tookMs * 1000;
    if (point.streamID !== stream.streamID || ends < stream.addedAt || point.at > (stream.removedAt ?? Infinity)) continue;
    spans.set(point.at, [...(spans.get(point.at) ?? []), point]);
  }
  return [...spans].map(([at, measured]) => {
    const worst = measured.reduce((one, other) => ((other.loss ?? 0) > (one.loss ?? 0) ? other : one));
    const loss = worst.loss ?? 0;
    const incoming = measured.filter(({ side }) => side === "publisher").reduce((sum, { bitrateBps }) => sum + bitrateBps, 0);
    const lost = loss ? `${(loss * 100).toFixed(1)} % lost (${worst.kind}, ${worst.side} ${worst.userID || "erased"})` : "no loss seen";
    return {
      from: Math.max(at, stream.addedAt),
      to: Math.min(at + QUALITY_SPAN_US, stream.removedAt ?? Infinity),
      grade: loss >= LOSS.bad ? "bad" : loss >= LOSS.fair ? "fair" : "good",
      title: `${clockTime(at / 1000)}: ${Math.round(incoming / 1000)} kbit/s, ${lost}`,
    };
  });
}

/**
 * The share of the call, 0 to 1, that a key leads to, as on a slider: arrows a hundredth, Page a tenth; undefined for any other key.
 * @param {number} share
 * @param {string} key
 */
export function shareAfterKey(share, key) {
  const step = KEY_STEPS[key];
  return step === undefined ? undefined : clampShare(share + step);
}

/** @param {number} share */
export const clampShare = (share) => Math.min(1, Math.max(0, share));
