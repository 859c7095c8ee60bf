/**
 * Where the gateway is. In this order: the page's own setting for all engines, an attribute in the page, the `server` argument of the
 * engine, the address that the script itself came from. A server of the vendor is never among them: a token would go there.
 */
import { pageServer } from "../engine-options";
import { warnOnce } from "../logging";

/** Domains that the vendor's servers are under. Existing pages name them as constants. */
const VENDOR_DOMAINS = [
  "zego.im", "zego.link", "zegocloud.com", "zegocloudrelay.com", "zegoim.com", "zegotech.cn", "imzego.com", "coolbcloud.com", "coolfcloud.com", "coolzcloud.com",
];
/** An element of the page with this attribute names the gateway, for libraries that carry the SDK inside. */
const ATTRIBUTE = "data-parlour-server";

let scriptOrigin = "";

/** Remember where the SDK's script was loaded from; called once, when it is loaded. */
export function rememberScript(address: string | undefined): void {
  const parsed = parse(address ?? "");
  if (parsed && /^https?:$/.test(parsed.protocol)) scriptOrigin = parsed.origin;
}

/** The script's origin, or else the page's. */
function ownOrigin(): string {
  return scriptOrigin || (typeof location === "undefined" ? "" : location.origin);
}

/**
 * The WebSocket addresses to try one after the other. Existing pages also pass arbitrary text as `server`: what is not a ws or http address means the own origin,
 * and so does a server of the vendor.
 */
export function gatewayAddresses(server: unknown, origin: string = ownOrigin(), pageWide: unknown = pageServer()): string[] {
  for (const candidate of [pageWide, pageAttribute(), server, origin]) {
    const addresses = [candidate].flat().map(socketAddress).filter((address) => address !== "");
    if (addresses.length) return [...new Set(addresses)];
  }
  return [];
}

/** What `setLocalProxyConfig` names: an address, or a host alone. */
export function proxyAddress(text: unknown): string {
  if (typeof text !== "string") return "";
  return text.includes("://") ? text : `wss://${text}`;
}

function pageAttribute(): string | undefined {
  if (typeof document === "undefined" || typeof document.querySelector !== "function") return undefined;
  return document.querySelector(`[${ATTRIBUTE}]`)?.getAttribute(ATTRIBUTE) ?? undefined;
}

function socketAddress(text: unknown): string {
  const parsed = typeof text === "string" ? parse(text.trim()) : undefined;
  if (!parsed || !/^(ws|http)s?:$/.test(parsed.protocol)) return "";
  if (isVendorHost(parsed.hostname)) {
    warnOnce(`${parsed.hostname} is a server of the vendor and is not used: the address that the SDK came from is. To name another one: ZegoExpressEngine.setEngineOptions({server: "wss://your.host/ws"})`);
    return "";
  }
  const scheme = parsed.protocol.replace("http", "ws");
  const path = parsed.pathname === "/" ? "/ws" : parsed.pathname;
  return `${scheme}//${parsed.host}${path}`;
}

function isVendorHost(hostname: string): boolean {
  const name = hostname.replace(/\.$/, "");
  return VENDOR_DOMAINS.some((domain) => name === domain || name.endsWith(`.${domain}`));
}

function parse(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
