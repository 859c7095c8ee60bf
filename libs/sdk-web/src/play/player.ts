/**
 * Plays streams of one room: over one peer connection, whose offer is made while the login is still under way, and over one more for each
 * further relay node that carries a stream.
 */
import { Code, failure, type ZegoError } from "../errors";
import type { ZegoPlayerState, ZegoPlayStats, ZegoWebPlayOption } from "../entities";
import { log } from "../logging";
import { delay } from "../scheduling";
import { Flow, type Direction, type TransportContext } from "../negotiation/flow";
import { isStopped, KINDS, type Kind, type TransceiverSlot } from "../negotiation/transceiver-pool";
import { Transport, type Offer } from "../negotiation/transport";
import type { StreamEntry } from "../generated/contract";
import type { Request } from "../signalling/frames";

const NAMES = { idle: "NO_PLAY", requesting: "PLAY_REQUESTING", active: "PLAYING" } as const;
const DIRECTION: Direction = {
  stop: "stopPlay",
  interrupted: Code.PLAY_INTERRUPTED,
  retryOver: Code.PLAY_RETRY_OVER,
  failed: Code.PLAY_OFFER,
  answer: Code.PLAY_REMOTE_SDP,
};

/** One stream that is played here. `stream` is real from the start and keeps its tracks while they are muted. */
export class Playback extends Flow<ZegoPlayerState, ZegoPlayStats> {
  readonly stream = new MediaStream();
  readonly muted = { audio: false, video: false };
  /** Kinds whose track is switched off here while it is received. */
  readonly silenced = new Set<Kind>();
  /** Ends its reception on the connection that it is leaving, whose tracks stay in `stream` until media flows on the new one. */
  leave: (() => void) | undefined;
  outcome: { resolve(stream: MediaStream): void; reject(error: ZegoError): void } | undefined;

  constructor(
    streamID: string,
    readonly option: ZegoWebPlayOption,
    onChange: (state: ZegoPlayerState) => void,
  ) {
    super(streamID, NAMES, onChange);
  }
}

/** For how long a stream that moves is awaited on its new connection before the old one is left all the same. */
const MEDIA_WAIT_MS = 3_000;
const MEDIA_CHECK_MS = 40;

export class Player extends Transport<Playback> {
  /** The relay node that it took a stream over on; undefined where it is not known. */
  node: string | undefined;
  /** Playbacks whose first media is awaited here. */
  private readonly awaited = new Set<Playback>();

  constructor(
    context: TransportContext,
    private readonly onChange: (state: ZegoPlayerState) => void,
    private readonly findStream: (streamID: string) => StreamEntry | undefined,
    /** Called with a playback whose stream is on a relay node that this connection does not reach. */
    private readonly onUnreachable: (playback: Playback) => void,
  ) {
    super(context, DIRECTION);
  }

  /** Creates the peer connection and its first offer before a stream is played, since certificate, candidates and codecs take time. */
  prepare(): void {
    if (typeof RTCPeerConnection === "undefined" || this.pc) return;
    const pc = this.peer();
    for (const kind of KINDS) this.slots.add(kind, pc.addTransceiver(kind, { direction: "recvonly" }), undefined);
    this.queue.run(async () => pc.setLocalDescription(await pc.createOffer())).catch((fault) => log.debug("no offer was made ahead", fault));
  }

  /** The login's answer named the TURN servers. An offer that gathered candidates without them, and carries nothing yet, is made again. */
  onServersKnown(): void {
    if (!this.pc || this.transportID || this.flows.size || !this.context.session.iceServers.length) return;
    this.reset();
    this.prepare();
  }

  /** Resolves with the stream as soon as the relay agreed to send it; kinds that are muted from the start are not received. */
  start(streamID: string, option: ZegoWebPlayOption, muted: Readonly<Record<Kind, boolean>>): Promise<MediaStream> {
    const playback = new Playback(streamID, option, this.onChange);
    Object.assign(playback.muted, muted);
    const result = new Promise<MediaStream>((resolve, reject) => (playback.outcome = { resolve, reject }));
    this.begin(playback);
    return result;
  }

  /** Negotiates a playback that another player could not reach. */
  takeOver(playback: Playback): void {
    this.flows.set(playback.streamID, playback);
    void this.negotiate(playback);
  }

  private get unused(): boolean {
    return !this.flows.size && this.slots.all().every(({ owner }) => owner === undefined);
  }

  /** Whether it has neither a connection to a relay nor anything to play. */
  get idle(): boolean {
    return !this.transportID && this.unused;
  }

  /** Whether the stream's media can go on here while another player connects. */
  canLend(playback: Playback): boolean {
    return this.pc?.connectionState === "connected" && playback.active && !playback.leave;
  }

  /** Leaves a playback to another player, and goes on receiving it until that one receives it. */
  lend(playback: Playback, to: Player): void {
    this.flows.delete(playback.streamID);
    playback.accepted = false;
    playback.leave = () => {
      playback.leave = undefined;
      this.releaseTracks(playback);
      if (this.unused) this.reset();
    };
    to.takeOver(playback);
  }

  protected override detach(): RTCPeerConnection | undefined {
    this.node = undefined;
    return super.detach();
  }

  /** Streams that are played here follow their publishers; a connection without any is closed at once. */
  protected override moveAway(): void {
    if (this.unused) this.reset();
  }

  protected override onSettled(): void {
    for (const playback of this.list) if (playback.leave && !this.awaited.has(playback)) void this.switchWhenReceived(playback);
  }

  /** Shows the tracks of this connection as soon as each has delivered something. */
  private async switchWhenReceived(playback: Playback): Promise<void> {
    this.awaited.add(playback);
    const deadline = Date.now() + MEDIA_WAIT_MS;
    const slots = this.slots.slotsOf(playback).filter(({ kind }) => this.carries(playback, kind));
    const before = await receivedCounts(slots);
    while (playback.leave && Date.now() < deadline) {
      const counts = await receivedCounts(slots);
      if (counts.every((count, index) => count > before[index]!)) break;
      await delay(MEDIA_CHECK_MS);
    }
    this.awaited.delete(playback);
    if (!playback.leave || this.find(playback.streamID) !== playback) return;
    for (const { kind, transceiver } of this.slots.slotsOf(playback)) showTrack(playback, kind, transceiver.receiver.track);
    playback.leave();
  }

  /** The publisher moved to another relay node, or sends a kind that it did not send before. */
  mediaChanged(streamID: string): void {
    const playback = this.flows.get(streamID);
    if (playback) void this.negotiate(playback, true);
  }

  /** Stops or resumes receiving a kind; its track stays in the stream. False where the stream is not played here. */
  async mute(streamID: string, kind: Kind, mute: boolean): Promise<boolean> {
    const playback = this.flows.get(streamID);
    if (!playback) return false;
    if (playback.muted[kind] === mute) return true;
    playback.muted[kind] = mute;
    await this.negotiate(playback, true);
    return true;
  }

  protected override bindTracks(playback: Playback, pc: RTCPeerConnection): boolean {
    let changed = false;
    for (const kind of KINDS) {
      if (!this.slots.slot(playback, kind) && this.wants(playback, kind)) changed = this.bindReceiver(playback, kind, pc) || changed;
    }
    for (const { owner, kind, transceiver } of this.slots.all()) {
      const direction = owner && this.carries(owner, kind) ? "recvonly" : "inactive";
      if (owner) this.silence(owner, kind, transceiver.receiver.track);
      if (isStopped(transceiver) || transceiver.direction === direction) continue;
      transceiver.direction = direction;
      changed = true;
    }
    return changed;
  }

  /**
   * Whether a kind is received. A stream of which nothing is wanted keeps one line all the same, the sound's if it has one: to the relay, a
   * question without lines is one that leaves the choice to it.
   */
  protected override carries(playback: Playback, kind: Kind): boolean {
    if (!playback.muted[kind]) return true;
    const lines = KINDS.filter((each) => this.slots.slot(playback, each));
    return lines[0] === kind && lines.every((each) => playback.muted[each]);
  }

  /** Disables a track that is received although it is muted, and enables only tracks that it disabled itself. */
  private silence(playback: Playback, kind: Kind, track: MediaStreamTrack): void {
    if (playback.muted[kind] && this.carries(playback, kind)) {
      playback.silenced.add(kind);
      track.enabled = false;
    } else if (playback.silenced.delete(kind)) {
      track.enabled = true;
    }
  }

  /** True when an m-line had to be made. */
  private bindReceiver(playback: Playback, kind: Kind, pc: RTCPeerConnection): boolean {
    const reused = this.slots.reuse(kind, playback);
    const { receiver } = (reused ?? this.slots.add(kind, pc.addTransceiver(kind, { direction: "recvonly" }), playback)).transceiver;
    const target = playback.option.jitterBufferTarget;
    if (typeof target === "number" && "jitterBufferTarget" in receiver) receiver.jitterBufferTarget = target;
    if (!playback.leave) showTrack(playback, kind, receiver.track);
    receiver.track.enabled = true; // the stream before on this line may have been silenced
    playback.silenced.delete(kind);
    return reused === undefined;
  }

  private wants({ streamID, option }: Playback, kind: Kind): boolean {
    if (option[kind] === false) return false;
    const stream = this.findStream(streamID);
    return (kind === "audio" ? stream?.hasAudio : stream?.hasVideo) !== false;
  }

  protected override releaseTracks(playback: Playback): void {
    for (const slot of this.slots.slotsOf(playback)) {
      slot.owner = undefined;
      // The track stays with the m-line and carries the next stream there, which must not appear in this one's view.
      if (playback.ended) playback.stream.removeTrack(slot.transceiver.receiver.track);
    }
  }

  protected override request({ streamID }: Playback, offer: Offer): Request<"play"> {
    return { t: "play", streamID, ...offer };
  }

  protected override onAnswered(playback: Playback): void {
    playback.outcome?.resolve(playback.stream);
    playback.outcome = undefined;
  }

  protected override handOver(playback: Playback): boolean {
    this.flows.delete(playback.streamID);
    this.releaseTracks(playback);
    playback.requesting(Code.PLAY_INTERRUPTED, "the stream is carried elsewhere");
    this.onUnreachable(playback);
    return true;
  }

  protected override endFlow(playback: Playback, error?: ZegoError): void {
    super.endFlow(playback, error);
    playback.leave?.();
    playback.outcome?.reject(error ?? failure(Code.PLAY_INTERRUPTED, `${playback.streamID} was stopped before it played`));
    playback.outcome = undefined;
  }
}

function showTrack({ stream }: Playback, kind: Kind, track: MediaStreamTrack): void {
  for (const old of stream.getTracks()) if (old.kind === kind && old !== track) stream.removeTrack(old);
  if (!stream.getTracks().includes(track)) stream.addTrack(track);
}

/** How much each receiver has delivered: pictures decoded, or packets of sound. */
function receivedCounts(slots: readonly TransceiverSlot<Playback>[]): Promise<number[]> {
  return Promise.all(
    slots.map(async ({ kind, transceiver }) => {
      for (const entry of (await transceiver.receiver.getStats()).values()) {
        if (entry.type === "inbound-rtp") return Number((kind === "video" ? entry.framesDecoded : entry.packetsReceived) ?? 0);
      }
      return 0;
    }),
  );
}
