/** Publishes streams of one room over one peer connection. */
import { Code } from "../codes";
import type { ZegoPublisherState } from "../entities";
import { failure } from "../errors";
import { log } from "../logging";
import { Flow } from "../negotiation/flow";
import { isStopped, Slots, type Kind, type Slot } from "../negotiation/slots";
import { Transport, type Offer, type Wire } from "../negotiation/transport";
import type { MediaMids } from "../generated/contract";
import type { Request } from "../signalling/frames";
import { preferVideo, type VideoCodec } from "./codecs";
import { MuteNews } from "./mute-news";
import { withStartBitrate } from "./start-bitrate";

const NAMES = { idle: "NO_PUBLISH", requesting: "PUBLISH_REQUESTING", active: "PUBLISHING" } as const;
const CODES = { interrupted: Code.NETWORK_DOWN, retryOver: Code.PUBLISH_RETRY_OVER, failed: Code.PUBLISH_OFFER, answer: Code.PUBLISH_REMOTE_SDP };

/** Reasons of a removal that nobody wanted: heartbeat timeout, disconnected. */
const LOST: ReadonlySet<number> = new Set([2, 5]);

/** What is published: the stream, and limits that may change while it is. */
export interface Source {
  readonly stream: MediaStream;
  videoKbps?: number;
  audioKbps?: number;
  frameRate?: number;
  /** What to give up first when the network is narrow. */
  degradation?: RTCDegradationPreference;
}

export interface PublishChoice {
  codec: VideoCodec;
  extraInfo: string;
}

export class Publication extends Flow<ZegoPublisherState["state"]> {
  /** Tracks sent in place of the stream's own, for a mute that leaves the preview alone. */
  readonly stand: Partial<Record<Kind, MediaStreamTrack>> = {};
  /** Kinds that were sent at some time: one that is not sent any more counts as muted, whichever m-lines there are. */
  readonly sent = new Set<Kind>();

  constructor(
    streamID: string,
    readonly source: Source,
    readonly choice: PublishChoice,
    tell: (state: ZegoPublisherState) => void,
  ) {
    super(streamID, NAMES, tell);
  }

  track(kind: Kind): MediaStreamTrack | undefined {
    const { stream } = this.source;
    return this.stand[kind] ?? (kind === "audio" ? stream.getAudioTracks() : stream.getVideoTracks())[0];
  }
}

export class Publisher extends Transport<Publication> {
  private readonly slots = new Slots<Publication>();
  private readonly mutes: MuteNews<Publication>;

  constructor(
    wire: Wire,
    private readonly tell: (state: ZegoPublisherState) => void,
  ) {
    super(wire, CODES);
    const published = (publication: Publication) => this.flows.get(publication.streamID) === publication && publication.accepted;
    this.mutes = new MuteNews(wire, published, (publication) => this.mutedOf(publication));
  }

  /** The outcome is told by the publication's state. */
  start(streamID: string, source: Source, choice: PublishChoice): Publication {
    const publication = new Publication(streamID, source, choice, this.tell);
    this.flows.set(streamID, publication);
    publication.requesting();
    void this.carry(publication);
    return publication;
  }

  /** False when it is not published here. */
  stop(streamID: string): boolean {
    const publication = this.flows.get(streamID);
    if (!publication) return false;
    this.drop(publication);
    this.withdraw(publication);
    return true;
  }

  protected override withdraw({ streamID }: Publication): void {
    this.wire.session.request({ t: "stopPublish", roomID: this.wire.roomID, streamID }, { survives: false }).catch((error) => log.debug("stopPublish", error));
  }

  /** The server took it off the room: published anew where only the connection was lost, ended where somebody wanted it. */
  removedByServer(streamID: string, reason: number): void {
    const publication = this.flows.get(streamID);
    if (!publication?.accepted) return;
    if (LOST.has(reason)) this.rebuild();
    else this.drop(publication, failure(Code.NOT_PUBLISHING, `the server removed the stream (reason ${reason})`));
  }

  /** The stream's tracks changed: send what it holds now, with a new offer where a kind is new. */
  async refresh(publication: Publication): Promise<void> {
    for (const kind of ["audio", "video"] as const) await this.send(publication, kind);
    this.mutes.mayDiffer(publication);
    const missing = (["audio", "video"] as const).some((kind) => publication.track(kind) && !this.slots.slot(publication, kind));
    if (missing) await this.carry(publication, true);
  }

  /** Send the publication's present track of a kind. */
  async send(publication: Publication, kind: Kind): Promise<void> {
    const track = publication.track(kind);
    this.mutes.watch(publication, track);
    await this.sender(publication, kind)?.replaceTrack(track ?? null);
  }

  /** The m-line of a kind, for statistics. */
  midOf(publication: Publication, kind: Kind): string | null {
    return this.slots.slot(publication, kind)?.transceiver.mid ?? null;
  }

  /** A kind that is published and of which nothing is to be seen or heard. */
  mutedOf(publication: Publication): Record<Kind, boolean> {
    const muted = (kind: Kind) => publication.sent.has(kind) && !sends(publication.track(kind));
    return { audio: muted("audio"), video: muted("video") };
  }

  /** A track of it was muted, ended, or exchanged. */
  mutesMayDiffer(publication: Publication): void {
    this.mutes.mayDiffer(publication);
  }

  sender(publication: Publication, kind: Kind): RTCRtpSender | undefined {
    return this.slots.slot(publication, kind)?.transceiver.sender;
  }

  /** Apply the source's limits to what is sent. */
  async limit(publication: Publication): Promise<void> {
    for (const { kind, transceiver } of this.slots.of(publication)) {
      const parameters = transceiver.sender.getParameters();
      const encoding = parameters.encodings?.[0];
      if (!encoding) continue;
      Object.assign(encoding, limits(publication.source, kind));
      if (kind === "video" && publication.source.degradation) parameters.degradationPreference = publication.source.degradation;
      await transceiver.sender.setParameters(parameters).catch((fault) => log.debug("the browser refused a limit", fault));
    }
  }

  protected override attach(publication: Publication, pc: RTCPeerConnection): boolean {
    for (const kind of ["audio", "video"] as const) {
      const track = publication.track(kind);
      if (track && !this.slots.slot(publication, kind)) this.bind(publication, kind, track, pc);
    }
    return true;
  }

  private bind(publication: Publication, kind: Kind, track: MediaStreamTrack, pc: RTCPeerConnection): void {
    const slot = this.reuse(publication, kind, track) ?? this.make(publication, kind, track, pc);
    publication.sent.add(kind);
    this.mutes.watch(publication, track);
    if (kind === "video") preferVideo(slot.transceiver, publication.choice.codec);
  }

  private reuse(publication: Publication, kind: Kind, track: MediaStreamTrack): Slot<Publication> | undefined {
    const slot = this.slots.free(kind);
    if (!slot) return undefined;
    slot.owner = publication;
    slot.transceiver.direction = "sendonly";
    slot.transceiver.sender.replaceTrack(track).catch((fault) => log.warn("a track could not be sent", fault));
    slot.transceiver.sender.setStreams?.(publication.source.stream);
    void this.limit(publication);
    return slot;
  }

  private make(publication: Publication, kind: Kind, track: MediaStreamTrack, pc: RTCPeerConnection): Slot<Publication> {
    const { source } = publication;
    const transceiver = pc.addTransceiver(track, { direction: "sendonly", streams: [source.stream], sendEncodings: [limits(source, kind)] });
    return this.slots.add(kind, transceiver, publication);
  }

  protected override amend(sdp: string, publication: Publication): string {
    const mid = this.midOf(publication, "video");
    const { videoKbps } = publication.source;
    return mid !== null && videoKbps ? withStartBitrate(sdp, mid, videoKbps) : sdp;
  }

  protected override answered(publication: Publication): void {
    if (publication.source.degradation) void this.limit(publication);
    this.mutes.accepted(publication);
  }

  protected override detach(publication: Publication): void {
    for (const slot of this.slots.of(publication)) {
      slot.owner = undefined;
      if (isStopped(slot.transceiver)) continue;
      slot.transceiver.direction = "inactive";
      slot.transceiver.sender.replaceTrack(null).catch(() => undefined);
    }
  }

  protected override forget(): void {
    this.slots.clear();
  }

  protected override request({ streamID, choice }: Publication, offer: Offer): Request<"publish"> {
    return { t: "publish", streamID, ...offer, codec: choice.codec, ...(choice.extraInfo ? { extraInfo: choice.extraInfo } : {}) };
  }

  protected override mids(publication: Publication): MediaMids {
    const [audioMid, videoMid] = [this.midOf(publication, "audio"), this.midOf(publication, "video")];
    return { ...(audioMid === null ? {} : { audioMid }), ...(videoMid === null ? {} : { videoMid }) };
  }
}

function sends(track: MediaStreamTrack | undefined): boolean {
  return track !== undefined && track.enabled && track.readyState !== "ended";
}

function limits(source: Source, kind: Kind): RTCRtpEncodingParameters {
  const kbps = kind === "video" ? source.videoKbps : source.audioKbps;
  const rate = kind === "video" ? source.frameRate : undefined;
  return { ...(kbps ? { maxBitrate: kbps * 1000 } : {}), ...(rate ? { maxFramerate: rate } : {}) };
}
