/** Where the gateway is: the `server` argument of the engine, or the address that the script itself came from. */

let scriptOrigin = "";

/** Remember where the SDK's script was loaded from; called once, when it is loaded. */
export function rememberScript(address: string | undefined): void {
  const parsed = parse(address ?? "");
  if (parsed && /^https?:$/.test(parsed.protocol)) scriptOrigin = parsed.origin;
}

/** The script's origin, or else the page's. */
export function ownOrigin(): string {
  return scriptOrigin || (typeof location === "undefined" ? "" : location.origin);
}

/**
 * The sockets to try in turn. Existing pages also pass arbitrary text as `server`: what is not a ws or http address means the own origin.
 */
export function gatewayAddresses(server: unknown, origin: string = ownOrigin()): string[] {
  const given = (Array.isArray(server) ? server : [server]).map(socketAddress).filter((address) => address !== "");
  const own = socketAddress(origin);
  const addresses = given.length ? given : own ? [own] : [];
  return [...new Set(addresses)];
}

function socketAddress(text: unknown): string {
  const parsed = typeof text === "string" ? parse(text.trim()) : undefined;
  if (!parsed || !/^(ws|http)s?:$/.test(parsed.protocol)) return "";
  const scheme = parsed.protocol.replace("http", "ws");
  const path = parsed.pathname === "/" ? "/ws" : parsed.pathname;
  return `${scheme}//${parsed.host}${path}`;
}

function parse(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
