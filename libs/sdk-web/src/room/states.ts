/** The room's state as a page sees it: a table of the legal transitions, and the legacy state that each phase is. */
import type { ZegoRoomStateChangedReason } from "../entities/rooms";

export type RoomReason = `${ZegoRoomStateChangedReason}`;
type LegacyState = "DISCONNECTED" | "CONNECTING" | "CONNECTED";
export type Phase = "OUT" | "LOGINING" | "IN" | "RECONNECTING";

/**
 * phase → reason → next phase. What is absent cannot happen.
 * Leaving while the connection is away is not in the vendor's diagram; a page that logs out then still has to hear that it is out.
 */
const TABLE: Record<Phase, Partial<Record<RoomReason, Phase>>> = {
  OUT: { LOGINING: "LOGINING" },
  LOGINING: { LOGINED: "IN", LOGIN_FAILED: "OUT" },
  IN: { RECONNECTING: "RECONNECTING", KICKOUT: "OUT", LOGOUT: "OUT", LOGOUT_FAILED: "OUT" },
  RECONNECTING: { RECONNECTED: "IN", RECONNECT_FAILED: "OUT", KICKOUT: "OUT", LOGOUT: "OUT" },
};

const LEGACY: Record<Phase, LegacyState> = { OUT: "DISCONNECTED", LOGINING: "CONNECTING", IN: "CONNECTED", RECONNECTING: "CONNECTING" };

type StateListener = (reason: RoomReason, legacy: LegacyState, errorCode: number, extendedData: string) => void;

export class RoomStates {
  phase: Phase = "OUT";

  constructor(private readonly listener: StateListener) {}

  /** Logged in, with or without a connection at the moment. */
  get joined(): boolean {
    return this.phase === "IN" || this.phase === "RECONNECTING";
  }

  /** Makes the transition of `reason` and calls the listener; returns false and does nothing where it is not legal. */
  go(reason: RoomReason, errorCode = 0, extendedData = ""): boolean {
    const next = TABLE[this.phase][reason];
    if (next === undefined) return false;
    this.phase = next;
    this.listener(reason, LEGACY[next], errorCode, extendedData);
    return true;
  }
}
