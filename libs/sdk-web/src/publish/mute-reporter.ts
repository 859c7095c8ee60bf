/**
 * Reports to the server which kinds of the published streams are muted.
 *
 * Rules: 1. Changes within `SETTLE_MS` are one report of the state at its end. 2. One request at a time for each stream;
 * later changes are reported after its answer. 3. After a stream is published again the server may have forgotten it: its mutes are reported again.
 */
import { asZegoError, Code } from "../errors";
import type { ZegoPublisherState } from "../entities";
import { log } from "../logging";
import type { Flow, TransportContext } from "../negotiation/flow";
import type { Timer } from "../scheduling";

/** As long as a second click takes, so that two clicks are one report; also keeps below the server's rate. */
const SETTLE_MS = 250;
const RETRY_MS = 1_000;

interface ReportState {
  /** The mutes that the server has taken, as JSON; undefined where that is not known. */
  last: string | undefined;
  timer?: Timer | undefined;
  requesting?: boolean;
}

const NOTHING = { audio: false, video: false };
type Published = Flow<ZegoPublisherState>;

export class MuteReporter {
  private readonly state = new WeakMap<Published, ReportState>();
  private readonly watched = new WeakSet<MediaStreamTrack>();

  constructor(private readonly context: TransportContext) {}

  /** A track that ends by itself (a camera is unplugged) is as good as muted. */
  watch(flow: Published, track: MediaStreamTrack | undefined): void {
    if (!track || this.watched.has(track)) return;
    this.watched.add(track);
    track.addEventListener("ended", () => this.schedule(flow));
  }

  /** The relay has accepted the stream, for the first time or again. */
  reset(flow: Published): void {
    this.state.set(flow, { last: this.state.has(flow) ? undefined : JSON.stringify(NOTHING) });
    this.schedule(flow);
  }

  /** Reports the flow's mutes soon, after a track was muted, ended or replaced. */
  schedule(flow: Published): void {
    const state = this.state.get(flow);
    if (state) this.startTimer(flow, state, SETTLE_MS);
  }

  private startTimer(flow: Published, state: ReportState, afterMs: number): void {
    state.timer ??= setTimeout(() => {
      state.timer = undefined;
      void this.report(flow, state);
    }, afterMs);
  }

  private async report(flow: Published, state: ReportState): Promise<void> {
    if (state.requesting || state !== this.state.get(flow) || !flow.accepted || flow.ended) return;
    const mutes = flow.muted;
    const news = JSON.stringify(mutes);
    if (news === state.last) return;
    state.requesting = true;
    try {
      await this.context.session.request({ t: "mutes", roomID: this.context.roomID, streamID: flow.streamID, ...mutes }, { survives: false });
      state.last = news;
    } catch (thrown) {
      const { code } = asZegoError(thrown);
      if (code === Code.RATE_LIMITED || code === Code.REQUEST_TIMEOUT) this.startTimer(flow, state, RETRY_MS);
      else log.warn("mutes could not be reported", code); // the next acceptance of the stream reports them
      return;
    } finally {
      state.requesting = false;
    }
    this.schedule(flow);
  }
}
