/** What the package declares: the few values that it has at runtime, and every type by its name. */
import type { ZegoCapabilityDetection } from "../entities";

export { ZegoExpressEngine } from "./engine";
export { ZegoLocalStream } from "./local-stream";
export { ZegoStreamView } from "./stream-view";
export { ZegoRoomStateChangedReason } from "../entities/rooms";

/** The one error that the SDK throws or rejects with. `extendedData` is JSON text with what is known beyond the message: field, limit, hint. */
export declare class ZegoError extends Error {
  readonly errorCode: number;
  readonly code: number;
  readonly msg: string;
  readonly extendedData: string;
}

/** Questions about the browser that pages ask before they have an engine. */
export declare const WebRTCUtil: {
  isSupportWebRTC(): boolean;
  isSecureContext(): boolean;
  supportDetection(screenShotReady: boolean, success: (result: ZegoCapabilityDetection) => void, checkLevel: 0 | 1, type?: string): Promise<void>;
};

export type * from "../entities";
export type { ZegoAudioEffectPlayer, ZegoCopyrightedMusic, ZegoExpressRangeAudio, ZegoRealTimeSequentialDataManager, ZegoStreamCompositor } from "./not-offered";
export type { ZegoReplay } from "./replay";
