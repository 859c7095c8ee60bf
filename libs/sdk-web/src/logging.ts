/** The SDK's console lines. Quiet by default; tokens and message texts never reach it. */
const LEVELS = ["debug", "info", "warn", "error", "report", "disable"] as const;
type LogLevel = (typeof LEVELS)[number];

let threshold: number = LEVELS.indexOf("warn");

/** Sets the console's threshold. False for a level that does not exist. */
export function setLogLevel(level: unknown): boolean {
  const index = LEVELS.indexOf(level as LogLevel);
  if (index < 0) return false;
  threshold = index;
  return true;
}

function write(level: "debug" | "info" | "warn" | "error", text: string, details: unknown[]): void {
  if (LEVELS.indexOf(level) >= threshold) console[level](`[parlour] ${text}`, ...details);
}

const warned = new Set<string>();

/** Logs a warning once per page, however often it is called with the same text. */
export function warnOnce(text: string): void {
  if (warned.has(text)) return;
  warned.add(text);
  log.warn(text);
}

/** The promise as it is. For calls that the vendor answers with nothing: pages do not catch them, so a failure is a line in the log and no unhandled rejection. */
export function logRejection<T>(call: string, promise: Promise<T>): Promise<T> {
  promise.catch((error) => log.error(call, error));
  return promise;
}

export const log = {
  debug: (text: string, ...details: unknown[]) => write("debug", text, details),
  info: (text: string, ...details: unknown[]) => write("info", text, details),
  warn: (text: string, ...details: unknown[]) => write("warn", text, details),
  error: (text: string, ...details: unknown[]) => write("error", text, details),
};
