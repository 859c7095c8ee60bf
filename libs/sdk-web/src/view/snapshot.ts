/** A still picture of a video element: its data address, for the page; `name` goes to a download where the page asks for one. */
import { Code } from "../codes";
import { failure } from "../errors";

export async function snapshot(video: HTMLVideoElement, name: string): Promise<string> {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  const context = canvas.getContext("2d");
  if (!context || !canvas.width) throw failure(Code.NO_VIDEO_TRACK, `${name}: there is no picture yet`);
  context.drawImage(video, 0, 0);
  return canvas.toDataURL("image/png");
}
