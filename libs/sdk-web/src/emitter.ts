/** Named events with many handlers each, and the names of the engine's. */
import type { ZegoEvent } from "./entities";
import { log, warnOnce } from "./logging";

/** As much of an unknown name as a warning repeats. */
const NAME_CHARACTERS = 80;

export type Handler = (...args: any[]) => unknown;

/** What pages register handlers with: engine, streams and views. A handler's fault is reported and breaks neither the next handler nor the SDK. */
export class Emitter<Events extends { [name in keyof Events]: Handler }> {
  private readonly handlers = new Map<keyof Events, Handler[]>();

  /** `known` names the events. @internal */
  constructor(private readonly known?: readonly (keyof Events)[]) {}

  /** Adds a handler after those that are there. A warning names an event that does not exist; its handler is never called. False for an argument of a wrong type. */
  on<Name extends keyof Events>(event: Name, handler: Events[Name]): boolean {
    if (typeof event !== "string" || typeof handler !== "function") return false;
    if (this.known && !this.known.includes(event)) warnOnce(`on: there is no event ${JSON.stringify(event.slice(0, NAME_CHARACTERS))}; its handler is never called`);
    this.handlers.set(event, [...(this.handlers.get(event) ?? []), handler]);
    return true;
  }

  /** Removes a handler, or all of an event's. */
  off<Name extends keyof Events>(event: Name, handler?: Events[Name]): boolean {
    if (typeof event !== "string") return false;
    const left = handler ? (this.handlers.get(event) ?? []).filter((known) => known !== handler) : [];
    if (left.length) this.handlers.set(event, left);
    else this.handlers.delete(event);
    return true;
  }

  /** Calls the handlers in the order of their registration. @internal */
  emit<Name extends keyof Events>(event: Name, ...args: Parameters<Events[Name]>): void {
    for (const handler of this.handlers.get(event) ?? []) {
      try {
        const result = handler(...args);
        if (result instanceof Promise) result.catch((fault) => log.error(`a handler of ${String(event)} failed`, fault));
      } catch (fault) {
        log.error(`a handler of ${String(event)} failed`, fault);
      }
    }
  }

  /** Removes every handler of every event. @internal */
  clear(): void {
    this.handlers.clear();
  }
}

/** Takes the names of all events; the compiler refuses a list in which one is missing. @internal */
export function namesOf<Events>(): <Name extends keyof Events>(names: readonly Name[] & ([keyof Events] extends [Name] ? unknown : never)) => readonly (keyof Events)[] {
  return (names) => names;
}

/* @internal */
export const EVENT_NAMES = namesOf<ZegoEvent>()([
  "audioDeviceStateChanged", "autoMixerSoundLevelUpdate", "backgroundEffectError", "beautyEffectError", "capturedSoundLevelUpdate", "deviceError",
  "exceptionUpdate", "hallStateUpdate", "IMRecvBarrageMessage", "IMRecvBroadcastMessage", "IMRecvCustomCommand", "mixerRelayCDNStateUpdate",
  "mixerSoundLevelUpdate", "networkQuality", "parlourFrame", "parlourReplay", "playerAudioTrackUpdate", "playerRecvSEI", "playerStateUpdate",
  "playerVideoTrackUpdate", "playQualityUpdate", "publisherStateUpdate", "publisherVideoEncoderChanged", "publishQualityUpdate",
  "recvExperimentalAPI", "recvRoomTransparentMessage", "remoteCameraStatusUpdate", "remoteMicStatusUpdate", "roomExtraInfoUpdate",
  "roomOnlineUserCountUpdate", "roomStateChanged", "roomStateUpdate", "roomStreamUpdate", "roomUserUpdate", "screenSharingEnded",
  "soundLevelUpdate", "streamExtraInfoUpdate", "tokenWillExpire", "videoDeviceStateChanged",
]);
