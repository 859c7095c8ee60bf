/**
 * One peer connection with the relay and the streams that it carries in one direction.
 *
 * Rules: 1. We offer, the relay answers, one negotiation at a time. 2. An offer names one stream that is new; what is bound already stays.
 * 3. A connection that breaks is repaired by an ICE restart first and replaced second; its streams are negotiated again, until the retry
 * window is over. 4. m-lines are recycled: a stream that ends leaves its transceivers, inactive, to the next one. 5. A connection whose relay
 * is about to stop is left only once media flows on another.
 */
import { mediaRetryMs, transportPolicy } from "../engine-options";
import { asZegoError, Code, failure, type ZegoError } from "../errors";
import { log } from "../logging";
import type { MediaAnswer, MediaSections } from "../generated/contract";
import type { Request } from "../signalling/frames";
import { Backoff, SerialQueue, type Timer } from "../scheduling";
import type { Direction, Flow, TransportContext } from "./flow";
import { TransceiverPool, type Kind } from "./transceiver-pool";

/** Our description and the m-lines of one stream in it, as the relay is asked to answer them. */
export interface Offer {
  roomID: string;
  sdp: string;
  media: MediaSections;
  transportID?: string;
}

/** Codes after which a negotiation is tried again; any other refusal is final. */
const RETRYABLE_CODES: ReadonlySet<number> = new Set([Code.REQUEST_TIMEOUT, Code.SOCKET_CLOSED, Code.RELAY_UNAVAILABLE, Code.UNAVAILABLE]);
const RESTART_AFTER_MS = 500;
const REBUILD_AFTER_MS = 15_000;
const NEGOTIATION_TIMEOUT_MS = 15_000;
const FIRST_RETRY_MS = 300;
const MAX_RETRY_MS = 4_000; // a missing picture is noticed at once, so shorter than the socket's longest wait

export abstract class Transport<F extends Flow<any>> {
  /** The peer connection; undefined before the first stream, and while a new one is due. */
  pc: RTCPeerConnection | undefined;
  protected transportID = "";
  protected readonly flows = new Map<string, F>();
  readonly slots = new TransceiverPool<F>();
  protected readonly queue = new SerialQueue();
  private readonly backoff = new Backoff(FIRST_RETRY_MS, MAX_RETRY_MS);
  private failingSince = 0;
  private repairTimer: Timer | undefined;
  private retryTimer: Timer | undefined;
  private closed = false;

  protected constructor(
    protected readonly context: TransportContext,
    private readonly direction: Direction,
  ) {}

  /** Binds a flow's tracks to transceivers. True when an offer made before is out of date. */
  protected abstract bindTracks(flow: F, pc: RTCPeerConnection): boolean;
  protected abstract releaseTracks(flow: F): void;
  protected abstract request(flow: F, offer: Offer): Request<"publish" | "play">;
  /** Whether the m-line that a flow has for a kind is in use. */
  protected carries(_flow: F, _kind: Kind): boolean {
    return true;
  }
  /** The relay's answer with what this browser needs in addition. */
  protected amendAnswer(sdp: string, _flow: F): string {
    return sdp;
  }
  /** Called when the relay has answered, before its description is applied. */
  protected onAnswered(_flow: F): void {}
  /** The relay node of this transport does not carry the flow. True where another transport takes it over. */
  protected handOver(_flow: F): boolean {
    return false;
  }

  get list(): readonly F[] {
    return [...this.flows.values()];
  }

  find(streamID: string): F | undefined {
    return this.flows.get(streamID);
  }

  /** Ends a stream and notifies the server. False when this transport does not have it. */
  stop(streamID: string): boolean {
    const flow = this.flows.get(streamID);
    if (!flow) return false;
    this.endFlow(flow);
    this.sendStop(flow);
    return true;
  }

  /** Ends all flows and the peer connection; the transport cannot be used again. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const flow of this.list) this.endFlow(flow);
    this.reset();
    clearTimeout(this.retryTimer);
  }

  /** Rebuilds the connection if the transport that the relay lost is this one. */
  onTransportLost(transportID: string): void {
    if (transportID === this.transportID && transportID !== "") this.rebuild();
  }

  /** The relay of this transport is about to stop. */
  onTransportMove(transportID: string): void {
    if (transportID === this.transportID && transportID !== "") this.moveAway();
  }

  /** Follows rule 5, once the relay has said that it is about to stop. */
  protected abstract moveAway(): void;
  /** Called when the connection is up and the relay has accepted every flow. */
  protected onSettled(): void {}

  /** Replaces the peer connection and negotiates all flows again. */
  rebuild(): void {
    if (this.closed) return;
    this.reset();
    for (const flow of this.list) {
      flow.accepted = false;
      flow.requesting(this.direction.interrupted, "the media connection is being replaced");
      void this.negotiate(flow);
    }
  }

  /** Signalling is back: a media connection that is not connected is restarted, and flows that are not accepted are negotiated. */
  recover(): void {
    if (this.pc && this.flows.size && this.pc.connectionState !== "connected" && this.transportID) this.restart();
    for (const flow of this.list) if (!flow.accepted) void this.negotiate(flow);
  }

  protected begin(flow: F): void {
    this.flows.set(flow.streamID, flow);
    flow.requesting();
    void this.negotiate(flow);
  }

  /** Negotiates a flow, with `again` also an accepted one. Never rejects: the outcome is the flow's state. */
  protected async negotiate(flow: F, again = false): Promise<void> {
    try {
      await this.queue.run(() => this.negotiateOnce(flow, again));
    } catch (thrown) {
      this.onNegotiationFailed(flow, asZegoError(thrown, this.direction.failed));
    }
  }

  /** Ends a flow on this side; the caller notifies the server. */
  protected endFlow(flow: F, error?: ZegoError): void {
    this.flows.delete(flow.streamID);
    flow.end(error);
    this.releaseTracks(flow);
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
    return { bundlePolicy: "max-bundle", rtcpMuxPolicy: "require", iceServers: this.context.session.iceServers, iceTransportPolicy: transportPolicy() };
  }

  /** Rule 2: the offer, the request, the answer. */
  private async negotiateOnce(flow: F, again: boolean): Promise<void> {
    if (flow.ended || this.closed || (flow.accepted && !again)) return;
    const pc = this.peer();
    const stale = this.bindTracks(flow, pc);
    if (stale || pc.signalingState !== "have-local-offer") await pc.setLocalDescription(await pc.createOffer());
    try {
      const answer = await this.ask(this.request(flow, { ...this.description(pc), media: this.slots.sections(flow, (kind) => this.carries(flow, kind)) }), pc);
      flow.accepted = true;
      this.onAnswered(flow);
      await pc.setRemoteDescription({ type: "answer", sdp: this.amendAnswer(answer.sdp, flow) }).catch((fault) => {
        throw asZegoError(fault, this.direction.answer);
      });
      if (flow.ended) this.releaseTracks(flow);
      else if (pc.connectionState === "connected") flow.started();
      this.backoff.reset();
      this.settle();
    } catch (thrown) {
      flow.accepted = false;
      await this.rollBack(flow, pc);
      throw thrown;
    }
  }

  private description(pc: RTCPeerConnection): Omit<Offer, "media"> {
    return { roomID: this.context.roomID, sdp: pc.localDescription!.sdp, ...(this.transportID ? { transportID: this.transportID } : {}) };
  }

  private sendStop({ streamID }: F): void {
    const { session, roomID } = this.context;
    session.request({ t: this.direction.stop, roomID, streamID }, { survives: false }).catch((error) => log.debug(this.direction.stop, error));
  }

  private async ask(request: Request<"publish" | "play" | "restartIce">, pc: RTCPeerConnection): Promise<MediaAnswer> {
    const answer = await this.context.session.request(request, { timeoutMs: NEGOTIATION_TIMEOUT_MS, survives: false });
    if (pc !== this.pc) throw failure(Code.SOCKET_CLOSED, "the media connection was replaced meanwhile");
    this.transportID = answer.transportID;
    return answer;
  }

  /** Rolls a refused offer back, so that the connection can make another. */
  private async rollBack(flow: F, pc: RTCPeerConnection): Promise<void> {
    if (pc !== this.pc) return;
    this.releaseTracks(flow);
    if (!this.transportID) return this.reset();
    if (pc.signalingState === "have-local-offer") await pc.setLocalDescription({ type: "rollback" }).catch(() => this.rebuild());
  }

  private onNegotiationFailed(flow: F, error: ZegoError): void {
    if (flow.ended || this.closed) return;
    if (error.code === Code.NOT_FOUND && this.transportID) {
      const carriesOthers = this.pc?.connectionState === "connected" && this.list.some((other) => other !== flow && other.active);
      if (!carriesOthers || !this.handOver(flow)) this.rebuild();
    } else if (RETRYABLE_CODES.has(error.code)) {
      log.info(`${flow.streamID}: trying again`, error);
      this.retryLater();
    } else {
      this.endFlow(flow, error);
      if (error.code === this.direction.answer) this.sendStop(flow);
    }
  }

  private retryLater(): void {
    if (this.isWindowOver()) return this.giveUp();
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => {
      for (const flow of this.list) if (!flow.accepted) void this.negotiate(flow);
    }, this.backoff.next());
  }

  /** Whether media has been failing for longer than the retry window. */
  private isWindowOver(): boolean {
    this.failingSince ||= Date.now();
    return Date.now() - this.failingSince > mediaRetryMs();
  }

  private giveUp(): void {
    const error = failure(this.direction.retryOver, "media could not be restored in time");
    for (const flow of this.list) if (!flow.active) this.endFlow(flow, error);
    this.failingSince = 0;
  }

  private connectionChanged(state: RTCPeerConnectionState): void {
    clearTimeout(this.repairTimer);
    if (state === "connected") {
      this.failingSince = 0;
      for (const flow of this.list) if (flow.accepted) flow.started();
      this.settle();
    } else if (state === "disconnected") {
      this.repairTimer = setTimeout(() => this.restart(), RESTART_AFTER_MS);
    } else if (state === "failed") {
      this.interrupt();
      this.restart();
    }
  }

  private settle(): void {
    if (this.pc?.connectionState === "connected" && this.list.every((flow) => flow.accepted)) this.onSettled();
  }

  protected interrupt(): void {
    for (const flow of this.list) flow.requesting(this.direction.interrupted, "the media connection broke");
  }

  /** Rule 3, first half: restarts ICE on the connection that is there. */
  private restart(): void {
    clearTimeout(this.repairTimer);
    this.repairTimer = setTimeout(() => this.onRepairOverdue(), REBUILD_AFTER_MS);
    const pc = this.pc;
    this.queue
      .run(async () => {
        if (!pc || pc !== this.pc || pc.connectionState === "connected" || !this.transportID) return;
        if (this.context.session.iceServers.length) pc.setConfiguration(this.configuration()); // its credentials may have run out
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

  /** Rule 3, second half: replaces a connection that an ICE restart has not repaired, within the retry window. */
  private onRepairOverdue(): void {
    if (!this.pc || this.pc.connectionState === "connected") return;
    this.interrupt();
    if (this.isWindowOver()) this.giveUp();
    else this.rebuild();
  }

  /** Closes the peer connection; the flows stay. */
  protected reset(): void {
    this.detach()?.close();
  }

  /** Gives the peer connection up without closing it; the next negotiation makes a new one. */
  protected detach(): RTCPeerConnection | undefined {
    clearTimeout(this.repairTimer);
    const pc = this.pc;
    this.pc = undefined;
    this.transportID = "";
    this.slots.clear();
    if (pc) pc.onconnectionstatechange = null;
    return pc;
  }
}
