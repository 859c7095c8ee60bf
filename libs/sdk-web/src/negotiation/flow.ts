/** One published or played stream, and what the transports of both directions are made with. */
import type { ZegoPlayerState, ZegoPublisherState } from "../entities";
import type { ZegoError } from "../errors";
import type { Session } from "../signalling/session";
import type { Kind } from "./transceiver-pool";

/** What a transport knows of its room. */
export interface TransportContext {
  readonly roomID: string;
  readonly session: Pick<Session, "request" | "iceServers">;
}

/** What differs between publishing and playing: the codes of their failures, and the request that ends a stream. */
export interface Direction {
  stop: "stopPublish" | "stopPlay";
  interrupted: number;
  retryOver: number;
  failed: number;
  /** The browser cannot apply the relay's answer. */
  answer: number;
}

type Phase = "idle" | "requesting" | "active";

/** The state of a stream: idle → requesting ⇄ active → idle; `onChange` is called at each change. */
export abstract class Flow<Report extends ZegoPublisherState | ZegoPlayerState, Quality = unknown> {
  private current: Phase = "idle";
  /** As measured last; null before the first measurement. */
  quality: Quality | null = null;
  /** Which kinds carry nothing that can be seen or heard. */
  abstract readonly muted: Readonly<Record<Kind, boolean>>;
  /** It was ended; jobs under way must not start it again. */
  ended = false;
  /** The relay has accepted it; media flows as soon as the connection is up. */
  accepted = false;

  constructor(
    readonly streamID: string,
    private readonly names: Readonly<Record<Phase, Report["state"]>>,
    private readonly onChange: (report: Report) => void,
  ) {}

  get active(): boolean {
    return this.current === "active";
  }

  get state(): Report["state"] {
    return this.names[this.current];
  }

  requesting(errorCode = 0, reason = ""): void {
    if (!this.ended) this.transition("requesting", errorCode, reason);
  }

  started(): void {
    if (!this.ended) this.transition("active", 0, "");
  }

  /** Ends it, with the error's code, or 0 when the page ended it. */
  end(error?: ZegoError): void {
    if (this.ended) return;
    this.ended = true;
    this.accepted = false;
    this.transition("idle", error?.code ?? 0, error?.message ?? "");
  }

  private transition(next: Phase, errorCode: number, extendedData: string): void {
    if (this.current === next) return;
    this.current = next;
    this.onChange({ streamID: this.streamID, state: this.state, errorCode, extendedData } as Report);
  }
}
