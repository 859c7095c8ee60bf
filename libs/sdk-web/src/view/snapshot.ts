/** A still picture of a video element as a data address, and as a download where the page asks for one. */
import type { ZegoSnapshotOptions } from "../entities";
import { log } from "../logging";

/** Empty text where no picture is shown yet. */
export function snapshot(video: HTMLVideoElement | undefined, { imageType = "png", quality, save = false, fileName = "snapshot" }: ZegoSnapshotOptions = {}): string {
  const canvas = document.createElement("canvas");
  canvas.width = video?.videoWidth ?? 0;
  canvas.height = video?.videoHeight ?? 0;
  const context = canvas.getContext("2d");
  if (!video || !context || !canvas.width) {
    log.warn("takeStreamSnapshot: no picture is shown yet; call playVideo and wait for canPlayVideo");
    return "";
  }
  context.drawImage(video, 0, 0);
  const type = imageType.replace(/^image\//, "").replace(/^jpg$/, "jpeg");
  const address = canvas.toDataURL(`image/${type}`, quality);
  if (save) download(address, `${fileName}.${type}`);
  return address;
}

function download(address: string, name: string): void {
  const link = document.createElement("a");
  Object.assign(link, { href: address, download: name });
  link.click();
}
