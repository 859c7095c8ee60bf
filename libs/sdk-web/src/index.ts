/** What the script and the module give to pages. */
export { ZegoExpressEngine } from "./engine";
export { ZegoRoomStateChangedReason } from "./entities/rooms";
export { WebRTCUtil } from "./detection";
export { ZegoError } from "./errors";
export { ZegoLocalStream } from "./capture/local-stream";
export { ZegoStreamView } from "./view/stream-view";
