/** The SDK's console lines. Quiet by default; tokens and message texts never reach it. */
const LEVELS = ["debug", "info", "warn", "error", "report", "disable"] as const;
export type LogLevel = (typeof LEVELS)[number];

export interface LogConfig {
  logLevel?: LogLevel;
  remoteLogLevel?: LogLevel;
  logURL?: string;
  logCount?: number;
  logSize?: number;
}

let threshold: number = LEVELS.indexOf("warn");

/** Set the console's threshold. False for a level that does not exist. */
export function setLogLevel(level: unknown): boolean {
  const index = LEVELS.indexOf(level as LogLevel);
  if (index < 0) return false;
  threshold = index;
  return true;
}

function write(level: "debug" | "info" | "warn" | "error", text: string, details: unknown[]): void {
  if (LEVELS.indexOf(level) >= threshold) console[level](`[parlour] ${text}`, ...details);
}

export const log = {
  debug: (text: string, ...details: unknown[]) => write("debug", text, details),
  info: (text: string, ...details: unknown[]) => write("info", text, details),
  warn: (text: string, ...details: unknown[]) => write("warn", text, details),
  error: (text: string, ...details: unknown[]) => write("error", text, details),
};
