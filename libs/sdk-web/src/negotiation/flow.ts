/** The state of one published or played stream: idle → requesting ⇄ active → idle; `onChange` is called at each change. */
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
  /** It was ended; jobs under way must not start it again. */
  ended = false;
  /** The relay has accepted it; media flows as soon as the connection is up. */
  accepted = false;

  constructor(
    readonly streamID: string,
    private readonly names: FlowNames<State>,
    private readonly onChange: (state: FlowState<State>) => void,
  ) {}

  get active(): boolean {
    return this.current === "active";
  }

  get state(): State {
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

  private transition(next: "idle" | "requesting" | "active", errorCode: number, extendedData: string): void {
    if (this.current === next) return;
    this.current = next;
    this.onChange({ streamID: this.streamID, state: this.names[next], errorCode, extendedData });
  }
}
