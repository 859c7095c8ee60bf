/** Entry of the module. Served by a gateway itself, its own address tells where that is; bundled, the page's origin or `server` does. */
import { rememberScript } from "./signalling/address";

const address = (import.meta as { url?: string }).url;
if (typeof document !== "undefined" && address?.includes("/sdk/")) rememberScript(address);

export * from "./public";
export type * from "./entities";
export type * from "./quality/stats";
export type { ZegoCapabilityDetection } from "./detection";
export type { ZegoEffectsBeautyParam } from "./effects/beauty";
