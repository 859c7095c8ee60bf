/** All that the vendor's ZegoExpressEntity.rtm names, for pages that import types from that path. */
export * from "./rooms";
export type { ZegoRTMEvent } from "./events";
