/** Entry of the script for pages. */
import { rememberScript } from "./signalling/address";

if (typeof document !== "undefined") rememberScript((document.currentScript as HTMLScriptElement | null)?.src);

export { ZegoExpressEngine, WebRTCUtil, ZegoRoomStateChangedReason } from "./public";
