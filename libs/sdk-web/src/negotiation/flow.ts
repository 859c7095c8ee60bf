/** The state of one published or played stream: idle → requesting ⇄ active → idle, told to the page at each change. */
import type { ZegoError } from "../errors";

export interface FlowNames<State extends string> {
  idle: State;
  requesting: State;
  active: State;
}

export interface FlowState<State extends string> {
  streamID: string;
  state: State;
  errorCode: number;
  extendedData: string;
}

export class Flow<State extends string = string> {
  private current: "idle" | "requesting" | "active" = "idle";
  /** It was ended and must not come back to life from a job under way. */
  ended = false;
  /** The relay has taken it in; media flows as soon as the connection stands. */
  accepted = false;

  constructor(
    readonly streamID: string,
    private readonly names: FlowNames<State>,
    private readonly tell: (state: FlowState<State>) => void,
  ) {}

  get active(): boolean {
    return this.current === "active";
  }

  get state(): State {
    return this.names[this.current];
  }

  requesting(errorCode = 0, reason = ""): void {
    if (!this.ended) this.go("requesting", errorCode, reason);
  }

  started(): void {
    if (!this.ended) this.go("active", 0, "");
  }

  /** It is over; 0 when that was wanted. */
  end(error?: ZegoError): void {
    if (this.ended) return;
    this.ended = true;
    this.accepted = false;
    this.go("idle", error?.code ?? 0, error?.message ?? "");
  }

  private go(next: "idle" | "requesting" | "active", errorCode: number, extendedData: string): void {
    if (this.current === next) return;
    this.current = next;
    this.tell({ streamID: this.streamID, state: this.names[next], errorCode, extendedData });
  }
}
