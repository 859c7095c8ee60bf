/**
 * A video track made from another by drawing each of its frames again.
 *
 * Frames are taken from the track itself where the browser offers that, because it goes on while the page is hidden; else from a video
 * element that nobody sees. Whoever stops the drawn track stops the captured one: nothing else holds it.
 */

interface Painter {
  /** Draws a picture of this size onto the canvas. */
  draw(picture: TexImageSource, width: number, height: number): void;
  /** A picture could not be drawn. */
  broken(fault: unknown): void;
  /** Nothing will be drawn any more. */
  closed(): void;
}

export interface VideoPipe {
  readonly output: MediaStreamTrack;
  /** Ends the drawn track and leaves the captured one as it is. */
  close(): void;
}

interface Frames {
  readonly readable: ReadableStream<VideoFrame>;
}
interface Generator extends MediaStreamTrack {
  readonly writable: WritableStream<VideoFrame>;
}
interface Insertable {
  MediaStreamTrackProcessor?: new (init: { track: MediaStreamTrack }) => Frames;
  MediaStreamTrackGenerator?: new (init: { kind: "video" }) => Generator;
}

/** Draws the input's frames with the painter that `makePainter` makes for a canvas of the kind that this browser can use. */
export function openPipe(input: MediaStreamTrack, makePainter: (canvas: OffscreenCanvas | HTMLCanvasElement) => Painter): VideoPipe {
  const { MediaStreamTrackProcessor, MediaStreamTrackGenerator } = globalThis as Insertable;
  if (MediaStreamTrackProcessor && MediaStreamTrackGenerator && typeof OffscreenCanvas !== "undefined") {
    const canvas = new OffscreenCanvas(2, 2);
    const painter = makePainter(canvas); // it may fail: before anything takes frames from the input
    return streamed(input, new MediaStreamTrackProcessor({ track: input }), new MediaStreamTrackGenerator({ kind: "video" }), canvas, painter);
  }
  const canvas = document.createElement("canvas");
  return painted(input, canvas, makePainter(canvas));
}

function streamed(input: MediaStreamTrack, frames: Frames, output: Generator, canvas: OffscreenCanvas, painter: Painter): VideoPipe {
  const abort = new AbortController();
  const pipe = closing(output, painter, () => abort.abort());
  const redraw = new TransformStream<VideoFrame, VideoFrame>({
    transform(frame, controller) {
      try {
        painter.draw(frame, frame.displayWidth, frame.displayHeight);
        controller.enqueue(new VideoFrame(canvas, { timestamp: frame.timestamp }));
        frame.close();
      } catch (fault) {
        controller.enqueue(frame);
        painter.broken(fault);
      }
    },
  });
  const ended = () => {
    if (pipe.open && output.readyState === "ended") input.stop();
    pipe.close();
  };
  frames.readable.pipeThrough(redraw, abort).pipeTo(output.writable, abort).then(ended, ended);
  return pipe;
}

function painted(input: MediaStreamTrack, canvas: HTMLCanvasElement, painter: Painter): VideoPipe {
  const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
  video.srcObject = new MediaStream([input]);
  const [output] = canvas.captureStream().getVideoTracks();
  const pipe = closing(output!, painter, () => (video.srcObject = null));
  const next = () => {
    if (!pipe.open) return;
    if (output!.readyState === "ended") {
      input.stop();
      return pipe.close();
    }
    try {
      if (video.videoWidth) painter.draw(video, video.videoWidth, video.videoHeight);
    } catch (fault) {
      painter.broken(fault);
    }
    if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(next);
    else requestAnimationFrame(next);
  };
  video.play().then(next, next);
  return pipe;
}

/** A pipe whose `close` may be called more than once. */
function closing(output: MediaStreamTrack, painter: Painter, stopFrames: () => void): VideoPipe & { open: boolean } {
  return {
    output,
    open: true,
    close() {
      if (!this.open) return;
      this.open = false;
      stopFrames();
      output.stop();
      painter.closed();
    },
  };
}
