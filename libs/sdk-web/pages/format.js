/** Names, times and durations as the pages show them. */

/** The name that a person is shown by; an erased person has none. @param {{ userID?: string, userName?: string }} user */
export const nameOf = ({ userID, userName }) => userName || userID || "erased";

/** @param {number} ms unix milliseconds */
export const clockTime = (ms) => new Date(ms).toLocaleTimeString([], { hour12: false });

/** @param {number} ms unix milliseconds */
export const dateAndTime = (ms) => new Date(ms).toLocaleString([], { dateStyle: "medium", timeStyle: "medium", hour12: false });

/** 3 s, 4 min 5 s, 2 h 3 min. @param {number} ms */
export function duration(ms) {
  const seconds = Math.round(ms / 1000);
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return hours ? `${hours} h ${minutes} min` : minutes ? `${minutes} min ${rest} s` : `${rest} s`;
}

/** @param {string} text @param {number} most characters */
export const shortened = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/**
 * How a stream's mutes are written behind its name; empty where nothing is muted.
 * @param {{ audioMuted?: boolean, videoMuted?: boolean }} stream
 */
export function mutedText({ audioMuted, videoMuted }) {
  const kinds = [audioMuted && "microphone", videoMuted && "camera"].filter(Boolean);
  return kinds.length ? ` (${kinds.join(" and ")} muted)` : "";
}

/** @param {unknown} error */
export const errorText = (error) => (error instanceof Error ? error.message : String(error));
