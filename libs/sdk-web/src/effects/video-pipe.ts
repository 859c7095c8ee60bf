/**
 * A video track made from another by drawing each of its frames anew.
 *
 * Frames are taken from the track itself where the browser offers that, because it goes on while the page is hidden; else from a video
 * element that nobody sees.
 */

/** Draws a picture of a size; the drawing is what the canvas then holds. */
export type Draw = (picture: TexImageSource, width: number, height: number) => void;

export interface VideoPipe {
  readonly output: MediaStreamTrack;
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

export function openPipe(input: MediaStreamTrack, canvas: OffscreenCanvas | HTMLCanvasElement, draw: Draw): VideoPipe {
  const { MediaStreamTrackProcessor, MediaStreamTrackGenerator } = globalThis as Insertable;
  if (MediaStreamTrackProcessor && MediaStreamTrackGenerator) {
    return streamed(new MediaStreamTrackProcessor({ track: input }), new MediaStreamTrackGenerator({ kind: "video" }), canvas, draw);
  }
  return painted(input, canvas as HTMLCanvasElement, draw);
}

/** A canvas of the kind that openPipe can use in this browser. */
export function pipeCanvas(): OffscreenCanvas | HTMLCanvasElement {
  const insertable = "MediaStreamTrackGenerator" in globalThis && typeof OffscreenCanvas !== "undefined";
  return insertable ? new OffscreenCanvas(2, 2) : document.createElement("canvas");
}

function streamed(frames: Frames, output: Generator, canvas: OffscreenCanvas | HTMLCanvasElement, draw: Draw): VideoPipe {
  const abort = new AbortController();
  const redraw = new TransformStream<VideoFrame, VideoFrame>({
    transform(frame, controller) {
      draw(frame, frame.displayWidth, frame.displayHeight);
      controller.enqueue(new VideoFrame(canvas, { timestamp: frame.timestamp }));
      frame.close();
    },
  });
  frames.readable.pipeThrough(redraw, abort).pipeTo(output.writable, abort).catch(() => output.stop()); // either end was stopped
  return {
    output,
    close() {
      abort.abort();
      output.stop();
    },
  };
}

function painted(input: MediaStreamTrack, canvas: HTMLCanvasElement, draw: Draw): VideoPipe {
  const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
  video.srcObject = new MediaStream([input]);
  const [output] = canvas.captureStream().getVideoTracks();
  let open = true;
  const next = () => {
    if (!open) return;
    if (video.videoWidth) draw(video, video.videoWidth, video.videoHeight);
    if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(next);
    else requestAnimationFrame(next);
  };
  video.play().then(next, next);
  return {
    output: output!,
    close() {
      open = false;
      video.srcObject = null;
      output!.stop();
    },
  };
}
