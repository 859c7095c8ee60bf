/**
 * Tells the room what its own streams hold back.
 *
 * Rules: 1. Several changes within a moment are told as one: only what holds at its end counts. 2. One question at a time for each stream;
 * what changed meanwhile is told after its answer. 3. A stream that was published anew may have been forgotten: its mutes are told again.
 */
import { Code } from "../codes";
import { asZegoError } from "../errors";
import { log } from "../logging";
import type { Kind } from "../negotiation/slots";
import type { Wire } from "../negotiation/transport";
import type { Timer } from "../timing";

/** People who click twice mean the second: as long as a hand needs for that. Also keeps below the server's rate. */
export const SETTLE_MS = 250;
const AGAIN_MS = 1_000;

interface Told {
  /** As JSON; undefined when the server may hold anything. */
  last: string | undefined;
  timer?: Timer | undefined;
  asking?: boolean;
}

const NOTHING = { audio: false, video: false };

export class MuteNews<Flow extends { readonly streamID: string }> {
  private readonly told = new WeakMap<Flow, Told>();
  private readonly watched = new WeakSet<MediaStreamTrack>();

  constructor(
    private readonly wire: Wire,
    private readonly published: (flow: Flow) => boolean,
    private readonly mutedOf: (flow: Flow) => Record<Kind, boolean>,
  ) {}

  /** A track that ends by itself (a camera is unplugged) is as good as muted. */
  watch(flow: Flow, track: MediaStreamTrack | undefined): void {
    if (!track || this.watched.has(track)) return;
    this.watched.add(track);
    track.addEventListener("ended", () => this.mayDiffer(flow));
  }

  /** The relay takes the stream in, for the first time or again. */
  accepted(flow: Flow): void {
    this.told.set(flow, { last: this.told.has(flow) ? undefined : JSON.stringify(NOTHING) });
    this.mayDiffer(flow);
  }

  mayDiffer(flow: Flow): void {
    const told = this.told.get(flow);
    if (told) this.soon(flow, told, SETTLE_MS);
  }

  private soon(flow: Flow, told: Told, afterMs: number): void {
    told.timer ??= setTimeout(() => {
      told.timer = undefined;
      void this.tell(flow, told);
    }, afterMs);
  }

  private async tell(flow: Flow, told: Told): Promise<void> {
    if (told.asking || told !== this.told.get(flow) || !this.published(flow)) return;
    const mutes = this.mutedOf(flow);
    const news = JSON.stringify(mutes);
    if (news === told.last) return;
    told.asking = true;
    try {
      await this.wire.session.request({ t: "mutes", roomID: this.wire.roomID, streamID: flow.streamID, ...mutes }, { survives: false });
      told.last = news;
    } catch (thrown) {
      return this.refused(flow, told, asZegoError(thrown).code);
    } finally {
      told.asking = false;
    }
    this.mayDiffer(flow);
  }

  /** What was too fast or went down with its connection is told again; the next acceptance settles all else. */
  private refused(flow: Flow, told: Told, code: number): void {
    if (code === Code.RATE_LIMITED || code === Code.REQUEST_TIMEOUT) this.soon(flow, told, AGAIN_MS);
    else log.warn("others could not be told what is muted", code);
  }
}
