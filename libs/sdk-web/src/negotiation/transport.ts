/**
 * One peer connection with the relay and the streams that it carries in one direction.
 *
 * Rules: 1. We offer, the relay answers, one negotiation at a time. 2. An offer names one stream that is new; what is bound already stays.
 * 3. A connection that breaks is mended by an ICE restart first and made anew second; what it carried is negotiated again, until the retry
 * window is over. 4. m-lines are recycled: a stream that ends leaves its transceivers, inactive, to the next one.
 */
import { Code } from "../codes";
import { asZegoError, failure, type ZegoError } from "../errors";
import { log } from "../logging";
import type { MediaAnswer, MediaMids } from "../generated/contract";
import type { Request } from "../signalling/frames";
import { Backoff } from "../signalling/backoff";
import type { Session } from "../signalling/session";
import type { Timer } from "../timing";
import type { Flow } from "./flow";
import { Serial } from "./serial";

export interface Wire {
  readonly roomID: string;
  readonly session: Pick<Session, "request">;
  retryMs(): number;
  /** TURN servers, and whether media goes through them alone. */
  ice?(): RTCConfiguration;
}

/** Our description and the m-lines of one stream in it, as the relay is asked to answer them. */
export interface Offer {
  roomID: string;
  sdp: string;
  media: MediaMids;
  transportID?: string;
}

/** What is worth another attempt; everything else is the relay's or the registry's last word. */
const PASSING: ReadonlySet<number> = new Set([Code.REQUEST_TIMEOUT, Code.SOCKET_CLOSED, Code.RELAY_UNAVAILABLE, Code.UNAVAILABLE]);
const RESTART_AFTER_MS = 500;
const REBUILD_AFTER_MS = 15_000;
const NEGOTIATION_TIMEOUT_MS = 15_000;
const OFFER_FIRST_MS = 300;
const OFFER_MOST_MS = 4_000; // a picture that is gone is waited for: shorter than what a socket may wait

export interface FlowCodes {
  interrupted: number;
  retryOver: number;
  failed: number;
  /** The browser cannot apply the relay's answer. */
  answer: number;
}

export abstract class Transport<F extends Flow<any>> {
  protected pc: RTCPeerConnection | undefined;
  protected transportID = "";
  protected readonly flows = new Map<string, F>();
  protected readonly queue = new Serial();
  private readonly backoff = new Backoff(OFFER_FIRST_MS, OFFER_MOST_MS);
  private troubledSince = 0;
  private mending: Timer | undefined;
  private retrying: Timer | undefined;
  private closed = false;

  protected constructor(
    protected readonly wire: Wire,
    private readonly codes: FlowCodes,
  ) {}

  /** Bind a flow's tracks to transceivers. True when an offer made before no longer says the truth. */
  protected abstract attach(flow: F, pc: RTCPeerConnection): boolean;
  protected abstract detach(flow: F): void;
  protected abstract request(flow: F, offer: Offer): Request<"publish" | "play">;
  protected abstract mids(flow: F): MediaMids;
  /** Tell the server that a flow it has taken in is over. */
  protected abstract withdraw(flow: F): void;
  /** The answer as this browser shall read it. */
  protected amend(sdp: string, _flow: F): string {
    return sdp;
  }
  /** The relay has answered; its description is being applied. */
  protected answered(_flow: F): void {}
  /** It is out of this transport's reach. True where somebody else carries it from now on. */
  protected strayed(_flow: F): boolean {
    return false;
  }
  /** It will not be carried. */
  protected refused(_flow: F, _error: ZegoError): void {}
  /** The peer connection is gone, with its transceivers. */
  protected abstract forget(): void;

  get connection(): RTCPeerConnection | undefined {
    return this.pc;
  }

  get list(): readonly F[] {
    return [...this.flows.values()];
  }

  find(streamID: string): F | undefined {
    return this.flows.get(streamID);
  }

  /** End everything, for good. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const flow of this.list) this.drop(flow);
    this.reset();
    clearTimeout(this.retrying);
  }

  /** The relay lost this transport. */
  transportGone(transportID: string): void {
    if (transportID === this.transportID && transportID !== "") this.rebuild();
  }

  /** A new peer connection for all that shall be carried. */
  rebuild(): void {
    if (this.closed) return;
    this.reset();
    for (const flow of this.list) {
      flow.accepted = false;
      flow.requesting(this.codes.interrupted, "the connection for media is made anew");
      void this.carry(flow);
    }
  }

  /** Signalling is back: media that stands needs nothing, media in trouble is mended now. */
  revive(): void {
    if (this.pc && this.flows.size && this.pc.connectionState !== "connected" && this.transportID) this.restart();
    for (const flow of this.list) if (!flow.accepted) void this.carry(flow);
  }

  /** Take a flow in, or anew with `again`; its outcome is told by its state. */
  protected async carry(flow: F, again = false): Promise<void> {
    try {
      await this.queue.run(() => this.negotiate(flow, again));
    } catch (thrown) {
      this.failed(flow, asZegoError(thrown, this.codes.failed));
    }
  }

  /** Stop a flow here; the caller tells the server. */
  protected drop(flow: F, error?: ZegoError): void {
    this.flows.delete(flow.streamID);
    flow.end(error);
    this.detach(flow);
  }

  /** The peer connection, made if need be. */
  protected peer(): RTCPeerConnection {
    if (this.pc) return this.pc;
    const pc = new RTCPeerConnection(this.configuration());
    pc.onconnectionstatechange = () => {
      if (pc === this.pc) this.connectionChanged(pc.connectionState);
    };
    this.pc = pc;
    return pc;
  }

  private configuration(): RTCConfiguration {
    return { bundlePolicy: "max-bundle", rtcpMuxPolicy: "require", ...this.wire.ice?.() };
  }

  /** A connection that was made before TURN servers were known has gathered without them: true when it was dropped. */
  protected dropUnconfigured(): boolean {
    if (!this.pc || this.transportID || this.flows.size || !this.wire.ice?.().iceServers?.length) return false;
    this.reset();
    return true;
  }

  /** Rule 2: the offer, the question, the answer. */
  private async negotiate(flow: F, again: boolean): Promise<void> {
    if (flow.ended || this.closed || (flow.accepted && !again)) return;
    const pc = this.peer();
    const stale = this.attach(flow, pc);
    if (stale || pc.signalingState !== "have-local-offer") await pc.setLocalDescription(await pc.createOffer());
    try {
      const answer = await this.ask(this.request(flow, { ...this.description(pc), media: this.mids(flow) }), pc);
      flow.accepted = true;
      this.answered(flow);
      await pc.setRemoteDescription({ type: "answer", sdp: this.amend(answer.sdp, flow) }).catch((fault) => {
        throw asZegoError(fault, this.codes.answer);
      });
      this.settle(flow, pc);
    } catch (thrown) {
      flow.accepted = false;
      await this.takeBack(flow, pc);
      throw thrown;
    }
  }

  private description(pc: RTCPeerConnection): Omit<Offer, "media"> {
    return { roomID: this.wire.roomID, sdp: pc.localDescription!.sdp, ...(this.transportID ? { transportID: this.transportID } : {}) };
  }

  private async ask(request: Request<"publish" | "play" | "restartIce">, pc: RTCPeerConnection): Promise<MediaAnswer> {
    const answer = await this.wire.session.request(request, { timeoutMs: NEGOTIATION_TIMEOUT_MS, survives: false });
    if (pc !== this.pc) throw failure(Code.SOCKET_CLOSED, "the connection for media was made anew meanwhile");
    this.transportID = answer.transportID;
    return answer;
  }

  private settle(flow: F, pc: RTCPeerConnection): void {
    if (flow.ended) this.detach(flow);
    else if (pc.connectionState === "connected") flow.started();
    this.backoff.reset();
  }

  /** A refused offer must leave the connection able to make another. */
  private async takeBack(flow: F, pc: RTCPeerConnection): Promise<void> {
    if (pc !== this.pc) return;
    this.detach(flow);
    if (!this.transportID) return this.reset();
    if (pc.signalingState === "have-local-offer") await pc.setLocalDescription({ type: "rollback" }).catch(() => this.rebuild());
  }

  private failed(flow: F, error: ZegoError): void {
    if (flow.ended || this.closed) return;
    if (error.code === Code.NOT_FOUND && this.transportID) return this.carriesOthers(flow) && this.strayed(flow) ? undefined : this.rebuild();
    if (!PASSING.has(error.code)) {
      this.drop(flow, error);
      if (error.code === this.codes.answer) this.withdraw(flow);
      return this.refused(flow, error);
    }
    log.info(`${flow.streamID}: trying again`, error);
    this.retryLater();
  }

  /** Whether the transport is of use to streams besides this one, and stands. */
  private carriesOthers(flow: F): boolean {
    return this.pc?.connectionState === "connected" && this.list.some((other) => other !== flow && other.active);
  }

  private retryLater(): void {
    this.troubledSince ||= Date.now();
    if (Date.now() - this.troubledSince > this.wire.retryMs()) return this.giveUp();
    clearTimeout(this.retrying);
    this.retrying = setTimeout(() => {
      for (const flow of this.list) if (!flow.accepted) void this.carry(flow);
    }, this.backoff.next());
  }

  private giveUp(): void {
    const error = failure(this.codes.retryOver, "media could not be restored in time");
    for (const flow of this.list) {
      if (flow.active) continue;
      this.drop(flow, error);
      this.refused(flow, error);
    }
    this.troubledSince = 0;
  }

  private connectionChanged(state: RTCPeerConnectionState): void {
    clearTimeout(this.mending);
    if (state === "connected") {
      this.troubledSince = 0;
      for (const flow of this.list) if (flow.accepted) flow.started();
    } else if (state === "disconnected") {
      this.mending = setTimeout(() => this.restart(), RESTART_AFTER_MS);
    } else if (state === "failed") {
      this.interrupted();
      this.restart();
    }
  }

  private interrupted(): void {
    for (const flow of this.list) flow.requesting(this.codes.interrupted, "the connection for media broke");
  }

  /** Rule 3, first half. */
  private restart(): void {
    clearTimeout(this.mending);
    this.mending = setTimeout(() => this.overdue(), REBUILD_AFTER_MS);
    const pc = this.pc;
    this.queue
      .run(async () => {
        if (!pc || pc !== this.pc || pc.connectionState === "connected" || !this.transportID) return;
        if (this.wire.ice?.().iceServers?.length) pc.setConfiguration(this.configuration()); // its credentials may have run out
        await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
        const answer = await this.ask({ t: "restartIce", ...this.description(pc), transportID: this.transportID }, pc).catch(async (thrown) => {
          await pc.setLocalDescription({ type: "rollback" }).catch(() => undefined);
          throw thrown;
        });
        await pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
      })
      .catch((thrown) => {
        const error = asZegoError(thrown);
        log.info("an ICE restart failed", error);
        // Signalling that is away comes back and revives us; a relay that does not answer is best left for another.
        if (pc === this.pc && error.code !== Code.SOCKET_CLOSED && error.code !== Code.REQUEST_TIMEOUT) this.rebuild();
      });
  }

  /** Rule 3, second half; each turn counts against the retry window. */
  private overdue(): void {
    if (!this.pc || this.pc.connectionState === "connected") return;
    this.interrupted();
    this.troubledSince ||= Date.now();
    if (Date.now() - this.troubledSince > this.wire.retryMs()) this.giveUp();
    else this.rebuild();
  }

  private reset(): void {
    clearTimeout(this.mending);
    const pc = this.pc;
    this.pc = undefined;
    this.transportID = "";
    this.forget();
    if (!pc) return;
    pc.onconnectionstatechange = null;
    pc.close();
  }
}
