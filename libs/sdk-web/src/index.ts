/** What the script and the module give to pages, and what the package declares. */
export { ZegoExpressEngine } from "./engine";
export { ZegoRoomStateChangedReason } from "./entities/rooms";
export { WebRTCUtil } from "./detection";
export { ZegoError } from "./errors";
export { ZegoLocalStream } from "./capture/local-stream";
export { ZegoStreamView } from "./view/stream-view";
export type * from "./entities";
export type { ZegoAudioEffectPlayer, ZegoCopyrightedMusic, ZegoExpressRangeAudio, ZegoRealTimeSequentialDataManager, ZegoStreamCompositor } from "./not-offered";
export type { ZegoReplay } from "./replay/replay";
