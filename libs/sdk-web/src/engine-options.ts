/** Options that hold for all engines of a page, set before they log in. */
interface Options {
  room_retry_time?: number;
  av_retry_time?: number;
  [other: string]: unknown;
}

const DEFAULT_MEDIA_RETRY_S = 300;
let options: Options = {};

export function setOptions(given: Options): void {
  options = { ...options, ...given };
}

/** The page's wish for the reconnect window; undefined leaves it to the server. */
export function roomRetryMs(): number | undefined {
  return milliseconds(options.room_retry_time);
}

export function mediaRetryMs(): number {
  return milliseconds(options.av_retry_time) ?? DEFAULT_MEDIA_RETRY_S * 1000;
}

function milliseconds(seconds: unknown): number | undefined {
  return typeof seconds === "number" && seconds > 0 ? seconds * 1000 : undefined;
}
