/** Plays streams of one room over one peer connection, whose offer is made while the login is still under way. */
import { Code } from "../codes";
import type { ZegoPlayerState, ZegoWebPlayOption } from "../entities";
import { failure, type ZegoError } from "../errors";
import { log } from "../logging";
import { Flow } from "../negotiation/flow";
import { isStopped, Slots, type Kind } from "../negotiation/slots";
import { Transport, type Offer, type Wire } from "../negotiation/transport";
import type { MediaMids, StreamEntry } from "../generated/contract";
import type { Request } from "../signalling/frames";

const NAMES = { idle: "NO_PLAY", requesting: "PLAY_REQUESTING", active: "PLAYING" } as const;
const CODES = { interrupted: Code.PLAY_INTERRUPTED, retryOver: Code.PLAY_RETRY_OVER, failed: Code.PLAY_OFFER, answer: Code.PLAY_REMOTE_SDP };
const KINDS: readonly Kind[] = ["audio", "video"];

/** One stream that is played here. `stream` is real from the start and keeps its tracks while they are muted. */
export class Playing extends Flow<ZegoPlayerState["state"]> {
  readonly stream = new MediaStream();
  readonly muted = { audio: false, video: false };
  /** Kinds whose track is switched off here while it is received. */
  readonly silenced = new Set<Kind>();
  settle: { resolve(stream: MediaStream): void; reject(error: ZegoError): void } | undefined;

  constructor(
    streamID: string,
    readonly option: ZegoWebPlayOption,
    tell: (state: ZegoPlayerState) => void,
  ) {
    super(streamID, NAMES, tell);
  }
}

export class Player extends Transport<Playing> {
  private readonly slots = new Slots<Playing>();

  constructor(
    wire: Wire,
    private readonly tell: (state: ZegoPlayerState) => void,
    private readonly known: (streamID: string) => StreamEntry | undefined,
    /** Takes over what lives on a relay node that this connection does not reach. */
    private readonly passOn: (playing: Playing) => void = () => undefined,
  ) {
    super(wire, CODES);
  }

  /** Make the peer connection and its first offer ahead of need: certificate, candidates and codecs take their time. */
  prepare(): void {
    if (typeof RTCPeerConnection === "undefined" || this.pc) return;
    const pc = this.peer();
    for (const kind of KINDS) this.slots.add(kind, pc.addTransceiver(kind, { direction: "recvonly" }), undefined);
    this.queue.run(async () => pc.setLocalDescription(await pc.createOffer())).catch((fault) => log.debug("no offer was made ahead", fault));
  }

  /** The login told what there is of TURN servers. */
  configured(): void {
    if (this.dropUnconfigured()) this.prepare();
  }

  /** Resolves with the stream as soon as the relay agreed to send it; kinds that are muted from the start are not received. */
  start(streamID: string, option: ZegoWebPlayOption, muted: Readonly<Record<Kind, boolean>>): Promise<MediaStream> {
    const playing = new Playing(streamID, option, this.tell);
    Object.assign(playing.muted, muted);
    this.flows.set(streamID, playing);
    const result = new Promise<MediaStream>((resolve, reject) => (playing.settle = { resolve, reject }));
    playing.requesting();
    void this.carry(playing);
    return result;
  }

  /** Carry what another player could not reach. */
  adopt(playing: Playing): void {
    this.flows.set(playing.streamID, playing);
    void this.carry(playing);
  }

  /** False when it is not played here. */
  stop(streamID: string): boolean {
    const playing = this.flows.get(streamID);
    if (!playing) return false;
    this.drop(playing);
    this.withdraw(playing);
    return true;
  }

  protected override withdraw({ streamID }: Playing): void {
    this.wire.session.request({ t: "stopPlay", roomID: this.wire.roomID, streamID }, { survives: false }).catch((error) => log.debug("stopPlay", error));
  }

  /** The publisher sends from elsewhere now, or sends a kind that it did not. */
  mediaChanged(streamID: string): void {
    const playing = this.flows.get(streamID);
    if (playing) void this.carry(playing, true);
  }

  /** Receive a kind no more, or again; its track stays in the stream. */
  async mute(streamID: string, kind: Kind, mute: boolean): Promise<boolean> {
    const playing = this.flows.get(streamID);
    if (!playing) return false;
    if (playing.muted[kind] === mute) return true;
    playing.muted[kind] = mute;
    await this.carry(playing, true);
    return true;
  }

  /** The m-line of a kind, for statistics. */
  midOf(playing: Playing, kind: Kind): string | null {
    return this.slots.slot(playing, kind)?.transceiver.mid ?? null;
  }

  mutedOf({ muted }: Playing): Record<Kind, boolean> {
    return muted;
  }

  protected override attach(playing: Playing, pc: RTCPeerConnection): boolean {
    let changed = false;
    for (const kind of KINDS) {
      if (!this.slots.slot(playing, kind) && this.wants(playing, kind)) changed = this.take(playing, kind, pc) || changed;
    }
    for (const { owner, kind, transceiver } of this.slots.all()) {
      const direction = owner && this.receives(owner, kind) ? "recvonly" : "inactive";
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
  private receives(playing: Playing, kind: Kind): boolean {
    if (!playing.muted[kind]) return true;
    const lines = KINDS.filter((each) => this.slots.slot(playing, each));
    return lines[0] === kind && lines.every((each) => playing.muted[each]);
  }

  /** What is received although it is muted is neither heard nor seen; only what was silenced here is given back. */
  private silence(playing: Playing, kind: Kind, track: MediaStreamTrack): void {
    if (playing.muted[kind] && this.receives(playing, kind)) {
      playing.silenced.add(kind);
      track.enabled = false;
    } else if (playing.silenced.delete(kind)) {
      track.enabled = true;
    }
  }

  /** True when an m-line had to be made. */
  private take(playing: Playing, kind: Kind, pc: RTCPeerConnection): boolean {
    const free = this.slots.free(kind);
    const slot = free ?? this.slots.add(kind, pc.addTransceiver(kind, { direction: "recvonly" }), playing);
    slot.owner = playing;
    const { receiver } = slot.transceiver;
    const target = playing.option.jitterBufferTarget;
    if (typeof target === "number" && "jitterBufferTarget" in receiver) receiver.jitterBufferTarget = target;
    for (const old of playing.stream.getTracks()) if (old.kind === kind) playing.stream.removeTrack(old);
    playing.stream.addTrack(receiver.track);
    receiver.track.enabled = true; // the stream before on this line may have been silenced
    playing.silenced.delete(kind);
    return free === undefined;
  }

  private wants({ streamID, option }: Playing, kind: Kind): boolean {
    if (option[kind] === false) return false;
    const stream = this.known(streamID);
    return (kind === "audio" ? stream?.hasAudio : stream?.hasVideo) !== false;
  }

  protected override detach(playing: Playing): void {
    for (const slot of this.slots.of(playing)) {
      slot.owner = undefined;
      // The track lives on for the next stream on this m-line, which must not show up in this one's view.
      if (playing.ended) playing.stream.removeTrack(slot.transceiver.receiver.track);
    }
  }

  protected override forget(): void {
    this.slots.clear();
  }

  protected override request({ streamID }: Playing, offer: Offer): Request<"play"> {
    return { t: "play", streamID, ...offer };
  }

  protected override mids(playing: Playing): MediaMids {
    const mid = (kind: Kind) => (this.receives(playing, kind) ? this.midOf(playing, kind) : null);
    const [audioMid, videoMid] = [mid("audio"), mid("video")];
    return { ...(audioMid === null ? {} : { audioMid }), ...(videoMid === null ? {} : { videoMid }) };
  }

  protected override answered(playing: Playing): void {
    playing.settle?.resolve(playing.stream);
    playing.settle = undefined;
  }

  protected override strayed(playing: Playing): boolean {
    this.flows.delete(playing.streamID);
    this.detach(playing);
    playing.requesting(Code.PLAY_INTERRUPTED, "the stream is carried elsewhere");
    this.passOn(playing);
    return true;
  }

  protected override refused(playing: Playing, error: ZegoError): void {
    playing.settle?.reject(error);
    playing.settle = undefined;
  }

  protected override drop(playing: Playing, error?: ZegoError): void {
    super.drop(playing, error);
    playing.settle?.reject(error ?? failure(Code.PLAY_INTERRUPTED, `${playing.streamID} was stopped before it played`));
    playing.settle = undefined;
  }
}
