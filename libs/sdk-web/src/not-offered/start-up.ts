/** Settings of the class that pages make before they have an engine. None of them throws: such a page would be dead before its first handler. */
import { setOptions } from "../engine-options";
import { warnOnce } from "../logging";
import { proxyAddress } from "../signalling/address";
import { warnNotOffered } from "./methods";

/** A module of the vendor's, or one of this package's stubs for it. */
export function useModule(module: unknown): void {
  const type = (module as { type?: unknown } | null)?.type;
  warnNotOffered(`the module ${typeof type === "string" ? type : "given to use()"}`);
}

/** The vendor's switch for a server of one's own is the way to this suite's gateway; without `enable` the setting is taken back. */
export function setLocalProxy(config: unknown, enable: unknown): void {
  const { accesshubProxy } = (config ?? {}) as { accesshubProxy?: unknown };
  const server = proxyAddress(accesshubProxy);
  if (enable && !server) return warnOnce("setLocalProxyConfig: accesshubProxy names no address");
  setOptions({ server: enable ? server : undefined });
}
