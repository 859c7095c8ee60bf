/** What pages import from the vendor's ZegoExpressEntity.web: all that it names, and what stands beside it here. */
export * from "./capture";
export * from "./devices";
export * from "./quality";
export * from "./streams";
export * from "./views";
export * from "./effects";
export * from "./voice";
export * from "./mixing";
export * from "./range-audio";
export * from "./copyrighted-music";
export type { ZegoEvent, ZegoRTCEvent } from "./events";
export type { ZegoServerResponse } from "./rooms";
