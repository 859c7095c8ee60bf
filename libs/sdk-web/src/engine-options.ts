/** Options that hold for all engines of a page, set before they log in. */
interface Options {
  room_retry_time?: number;
  av_retry_time?: number;
  iceTransportPolicy?: string;
  /** The gateway of every engine of the page, for pages that cannot set it where the engine is made. */
  server?: unknown;
  [other: string]: unknown;
}

const DEFAULT_MEDIA_RETRY_S = 300;
let options: Options = {};

export function setOptions(given: Options): void {
  options = { ...options, ...given };
}

/** The reconnect window that the page asked for; undefined: the server's. */
export function roomRetryMs(): number | undefined {
  return milliseconds(options.room_retry_time);
}

export function mediaRetryMs(): number {
  return milliseconds(options.av_retry_time) ?? DEFAULT_MEDIA_RETRY_S * 1000;
}

/** The gateway that the page set for all its engines; undefined leaves it to each engine's `server`. */
export function pageServer(): unknown {
  return options.server;
}

/** "relay": media goes through a TURN server alone, for networks that let nothing else through, and for trying one out. */
export function transportPolicy(): RTCIceTransportPolicy {
  return options.iceTransportPolicy === "relay" ? "relay" : "all";
}

function milliseconds(seconds: unknown): number | undefined {
  return typeof seconds === "number" && seconds > 0 ? seconds * 1000 : undefined;
}
