/** Publishes streams of one room over one peer connection. */
import { Code, failure } from "../errors";
import type { ZegoPublisherState, ZegoPublishStats } from "../entities";
import { log } from "../logging";
import { Flow, type Direction, type TransportContext } from "../negotiation/flow";
import { isStopped, KINDS, type Kind } from "../negotiation/transceiver-pool";
import { Transport, type Offer } from "../negotiation/transport";
import type { Timer } from "../scheduling";
import type { Request } from "../signalling/frames";
import { preferVideo, type VideoCodec, withStartBitrate } from "./codecs";
import { MuteReporter } from "./mute-reporter";

const NAMES = { idle: "NO_PUBLISH", requesting: "PUBLISH_REQUESTING", active: "PUBLISHING" } as const;
const DIRECTION: Direction = {
  stop: "stopPublish",
  interrupted: Code.NETWORK_DOWN,
  retryOver: Code.PUBLISH_RETRY_OVER,
  failed: Code.PUBLISH_OFFER,
  answer: Code.PUBLISH_REMOTE_SDP,
};

/** Codes of `stream.removed` for a lost connection: heartbeat timeout, disconnected. */
const LOST_REASONS: ReadonlySet<number> = new Set([2, 5]);

/** For how long a stream is sent on both connections while it moves: players follow within a second or two. */
const OVERLAP_MS = 4_000;

/** What is published: the stream, and limits that may change while it is. */
export interface Source {
  readonly stream: MediaStream;
  videoKbps?: number;
  audioKbps?: number;
  /** What to give up first when the network is narrow. */
  degradation?: RTCDegradationPreference;
}

export interface PublishChoice {
  codec: VideoCodec;
  extraInfo: string;
}

export class Publication extends Flow<ZegoPublisherState, ZegoPublishStats> {
  /** Tracks sent in place of the stream's own, for a mute that does not touch the preview. */
  readonly replacements: Partial<Record<Kind, MediaStreamTrack>> = {};
  /** Kinds that were sent at some time; such a kind without a live track counts as muted. */
  readonly sentKinds = new Set<Kind>();

  constructor(
    streamID: string,
    readonly source: Source,
    readonly choice: PublishChoice,
    onChange: (state: ZegoPublisherState) => void,
  ) {
    super(streamID, NAMES, onChange);
  }

  track(kind: Kind): MediaStreamTrack | undefined {
    const { stream } = this.source;
    return this.replacements[kind] ?? (kind === "audio" ? stream.getAudioTracks() : stream.getVideoTracks())[0];
  }

  get muted(): Record<Kind, boolean> {
    const muted = (kind: Kind) => {
      const track = this.track(kind);
      return this.sentKinds.has(kind) && !(track?.enabled && track.readyState !== "ended");
    };
    return { audio: muted("audio"), video: muted("video") };
  }
}

export class Publisher extends Transport<Publication> {
  readonly mutes: MuteReporter;
  /** The connection that is being left, see rule 5 of `Transport`. */
  private leaving: { pc: RTCPeerConnection; transportID: string; timer?: Timer } | undefined;

  constructor(
    context: TransportContext,
    private readonly onChange: (state: ZegoPublisherState) => void,
  ) {
    super(context, DIRECTION);
    this.mutes = new MuteReporter(context);
  }

  /** Publishes a stream. The outcome is the publication's state, reported by publisherStateUpdate. */
  start(streamID: string, source: Source, choice: PublishChoice): void {
    this.begin(new Publication(streamID, source, choice, this.onChange));
  }

  /** The server removed the stream: it is published again where only the connection was lost, and ends otherwise. */
  removedByServer(streamID: string, reason: number): void {
    const publication = this.flows.get(streamID);
    if (!publication?.accepted) return;
    if (LOST_REASONS.has(reason)) this.rebuild();
    else this.endFlow(publication, failure(Code.NOT_PUBLISHING, `the server removed the stream (reason ${reason})`));
  }

  /** The stream's tracks changed: send what it holds now, with a new offer where a kind is new. */
  async refresh(publication: Publication): Promise<void> {
    for (const kind of KINDS) await this.send(publication, kind);
    this.mutes.schedule(publication);
    const missing = KINDS.some((kind) => publication.track(kind) && !this.slots.slot(publication, kind));
    if (missing) await this.negotiate(publication, true);
  }

  /** Sends the publication's present track of a kind in place of the one sent before. */
  async send(publication: Publication, kind: Kind): Promise<void> {
    const track = publication.track(kind);
    this.mutes.watch(publication, track);
    await this.slots.slot(publication, kind)?.transceiver.sender.replaceTrack(track ?? null);
  }

  /** Applies the source's bitrate limits to its senders. */
  async applyLimits(publication: Publication): Promise<void> {
    for (const { kind, transceiver } of this.slots.slotsOf(publication)) {
      const parameters = transceiver.sender.getParameters();
      const encoding = parameters.encodings?.[0];
      if (!encoding) continue;
      Object.assign(encoding, encodingLimits(publication.source, kind));
      if (kind === "video" && publication.source.degradation) parameters.degradationPreference = publication.source.degradation;
      await transceiver.sender.setParameters(parameters).catch((fault) => log.debug("the browser refused a limit", fault));
    }
  }

  /** Publishes everything on a new connection too; the old one is closed `OVERLAP_MS` after that, so that players can follow. */
  protected override moveAway(): void {
    if (this.pc?.connectionState !== "connected") return this.rebuild();
    const { transportID } = this;
    void this.queue.run(async () => {
      if (transportID !== this.transportID) return;
      this.leave();
      const pc = this.detach()!;
      this.leaving = { pc, transportID };
      pc.onconnectionstatechange = () => {
        if (pc.connectionState === "failed" || pc.connectionState === "closed") this.onLeavingLost(transportID);
      };
      for (const publication of this.list) publication.accepted = false;
      for (const publication of this.list) void this.negotiate(publication);
    });
  }

  protected override onSettled(): void {
    const { leaving } = this;
    if (leaving) leaving.timer ??= setTimeout(() => this.leave(), OVERLAP_MS);
  }

  override onTransportLost(transportID: string): void {
    super.onTransportLost(transportID);
    this.onLeavingLost(transportID);
  }

  override rebuild(): void {
    this.leave();
    super.rebuild();
  }

  override close(): void {
    this.leave();
    super.close();
  }

  /** The old relay stopped, perhaps before the new one was reached. */
  private onLeavingLost(transportID: string): void {
    if (this.leaving?.transportID !== transportID) return;
    this.leave();
    if (this.pc?.connectionState !== "connected") this.interrupt();
  }

  private leave(): void {
    const { leaving } = this;
    this.leaving = undefined;
    if (!leaving) return;
    clearTimeout(leaving.timer);
    leaving.pc.onconnectionstatechange = null;
    leaving.pc.close();
  }

  protected override bindTracks(publication: Publication, pc: RTCPeerConnection): boolean {
    for (const kind of KINDS) {
      const track = publication.track(kind);
      if (track && !this.slots.slot(publication, kind)) this.bind(publication, kind, track, pc);
    }
    return true;
  }

  private bind(publication: Publication, kind: Kind, track: MediaStreamTrack, pc: RTCPeerConnection): void {
    const { source, choice } = publication;
    let transceiver = this.slots.reuse(kind, publication)?.transceiver;
    if (transceiver) {
      transceiver.direction = "sendonly";
      transceiver.sender.replaceTrack(track).catch((fault) => log.warn("a track could not be sent", fault));
      transceiver.sender.setStreams?.(source.stream);
      void this.applyLimits(publication);
    } else {
      transceiver = pc.addTransceiver(track, { direction: "sendonly", streams: [source.stream], sendEncodings: [encodingLimits(source, kind)] });
      this.slots.add(kind, transceiver, publication);
    }
    publication.sentKinds.add(kind);
    this.mutes.watch(publication, track);
    if (kind === "video") preferVideo(transceiver, choice.codec);
  }

  protected override amendAnswer(sdp: string, publication: Publication): string {
    const mid = this.slots.midOf(publication, "video");
    const { videoKbps } = publication.source;
    return mid !== null && videoKbps ? withStartBitrate(sdp, mid, videoKbps) : sdp;
  }

  protected override onAnswered(publication: Publication): void {
    if (publication.source.degradation) void this.applyLimits(publication);
    this.mutes.reset(publication);
  }

  protected override releaseTracks(publication: Publication): void {
    for (const slot of this.slots.slotsOf(publication)) {
      slot.owner = undefined;
      if (isStopped(slot.transceiver)) continue;
      slot.transceiver.direction = "inactive";
      slot.transceiver.sender.replaceTrack(null).catch(() => undefined);
    }
  }

  protected override request({ streamID, choice }: Publication, offer: Offer): Request<"publish"> {
    return { t: "publish", streamID, ...offer, codec: choice.codec, ...(choice.extraInfo ? { extraInfo: choice.extraInfo } : {}) };
  }
}

function encodingLimits(source: Source, kind: Kind): RTCRtpEncodingParameters {
  const kbps = kind === "video" ? source.videoKbps : source.audioKbps;
  return kbps ? { maxBitrate: kbps * 1000 } : {};
}
