/** Every stream that the engine made, so that it can be found by its MediaStream and ended with the engine. */
import { Code, failure } from "../errors";
import type { Source } from "../publish/publisher";
import { recordStop, stopCapture } from "./captured-tracks";
import { ZegoLocalStream } from "./local-stream";
import { parseCaptureOptions } from "./capture-options";

export class LocalStreams {
  private readonly streams = new Set<ZegoLocalStream>();

  constructor(private readonly onScreenEnded: (stream: ZegoLocalStream, legacy: boolean) => void) {}

  /**
   * Captures what the options name, for createZegoStream, or with `legacy` for createStream, which gives the page the MediaStream inside.
   * The stream is registered before its devices open, so that an engine which is destroyed meanwhile stops its capture.
   */
  async create(options: unknown, legacy = false): Promise<ZegoLocalStream> {
    const parsed = parseCaptureOptions(options);
    const local = new ZegoLocalStream((stream) => this.onScreenEnded(stream, legacy));
    this.streams.add(local);
    try {
      await local.capture(parsed);
    } catch (fault) {
      this.streams.delete(local);
      throw fault;
    }
    return local;
  }

  /** The engine's own stream behind what a page holds; undefined for a MediaStream from elsewhere. */
  find(stream: unknown): ZegoLocalStream | undefined {
    if (stream instanceof ZegoLocalStream) return stream;
    return [...this.streams].find((local) => local.stream === stream);
  }

  /** What can be published of a page's stream. A MediaStream from elsewhere will do. */
  source(stream: unknown): Source {
    const source = this.find(stream)?.source ?? (isMediaStream(stream) ? { stream } : undefined);
    if (!source) {
      throw failure(Code.STREAM_OBJECT, "this is no stream", { field: "stream", hint: "await createZegoStream() and pass its result" });
    }
    if (!source.stream.getTracks().length) throw failure(Code.STREAM_OBJECT, "the stream has no tracks", { field: "stream" });
    return source;
  }

  /** Stops the tracks and previews of a stream of the engine, or the tracks of a MediaStream from elsewhere. */
  destroy(stream: unknown): void {
    const local = this.find(stream);
    if (local) {
      local.destroy();
      this.streams.delete(local);
    } else if (isMediaStream(stream)) {
      recordStop(stream, "audio", "video");
      for (const track of stream.getTracks()) stopCapture(track);
    }
  }

  destroyAll(): void {
    for (const local of [...this.streams]) this.destroy(local);
  }
}

function isMediaStream(value: unknown): value is MediaStream {
  return typeof MediaStream !== "undefined" && value instanceof MediaStream;
}
