/** Internals of the vendor's engine that applications reach into: enough of them that those applications work. */
import { log } from "../logging";

/** Where official samples set `isPeer`; nothing reads it here. */
export function rtcInternals(): { rtcModules: { streamCenter: Record<string, unknown> } } {
  return { rtcModules: { streamCenter: { isPeer: false } } };
}

/** What a library writes with `engine.logger`, under the SDK's own threshold. */
export const engineLogger = {
  debug: (...details: unknown[]) => log.debug("page:", ...details),
  info: (...details: unknown[]) => log.info("page:", ...details),
  warn: (...details: unknown[]) => log.warn("page:", ...details),
  error: (...details: unknown[]) => log.error("page:", ...details),
  report: (...details: unknown[]) => log.info("page:", ...details),
  setSessionInfo: () => undefined,
  setLogLevel: () => undefined,
};
