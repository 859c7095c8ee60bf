/** The implementation has what the package declares; a mistake here is one of the compiler's, nothing runs. */
import * as declared from "../src/declared";
import * as implemented from "../src/index";

type Public<Class extends abstract new (...args: any) => any> = { [Name in keyof InstanceType<Class>]: InstanceType<Class>[Name] };

export const engine = (one: implemented.ZegoExpressEngine): Public<typeof declared.ZegoExpressEngine> => one;
export const localStream = (one: implemented.ZegoLocalStream): Omit<Public<typeof declared.ZegoLocalStream>, "zegoStream"> => one;
export const streamView = (one: implemented.ZegoStreamView): Public<typeof declared.ZegoStreamView> => one;
export const replay = (one: Awaited<ReturnType<implemented.ZegoExpressEngine["replayRoom"]>>): declared.ZegoReplay => one;
export const error = (one: implemented.ZegoError): declared.ZegoError => one;
export const util: typeof declared.WebRTCUtil = implemented.WebRTCUtil;
export const statics: Omit<typeof declared.ZegoExpressEngine, "prototype"> = implemented.ZegoExpressEngine as unknown as Omit<typeof implemented.ZegoExpressEngine, "prototype">;
export const reason: typeof declared.ZegoRoomStateChangedReason = implemented.ZegoRoomStateChangedReason;
