/** Entry of the script for pages, and of the package for CommonJS. */
import { ZegoExpressEngine, WebRTCUtil, ZegoRoomStateChangedReason } from "./index";
import { rememberScript } from "./signalling/address";

/** The script's own address, from the head that the build puts around this module. */
declare const parlourScript: string;
rememberScript(parlourScript);

export * from "./index";
/** What a page gets as globals. */
export const globals = { ZegoExpressEngine, WebRTCUtil, ZegoRoomStateChangedReason };
