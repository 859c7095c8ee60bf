/** Cameras, microphones and speakers of this machine. */
import { mediaDevices } from "./capture/acquire";
import { Code, failure } from "./errors";
import type { Emitter } from "./emitter";
import type { ZegoDeviceInfo, ZegoDeviceInfos, ZegoEvent } from "./entities";
import { log } from "./logging";

type Kind = MediaDeviceKind;

/** All devices. Their names are empty until the user allowed one of the kind. */
export async function enumDevices(): Promise<ZegoDeviceInfos> {
  const devices = await list();
  const of = (kind: Kind) => devices.filter((device) => device.kind === kind).map(info);
  return { cameras: of("videoinput"), microphones: of("audioinput"), speakers: of("audiooutput") };
}

/** The devices of one kind, named: the user is asked once if names are hidden. */
export async function devicesOf(kind: Kind): Promise<ZegoDeviceInfo[]> {
  let devices = (await list()).filter((device) => device.kind === kind);
  if (kind !== "audiooutput" && devices.some((device) => !device.label)) {
    await tryDevice(kind === "videoinput" ? "video" : "audio").catch((fault) => log.info("devices stay without names", fault));
    devices = (await list()).filter((device) => device.kind === kind);
  }
  return devices.map(info);
}

async function list(): Promise<MediaDeviceInfo[]> {
  try {
    return await mediaDevices().enumerateDevices();
  } catch (fault) {
    throw failure(Code.DEVICE_ENUMERATION, `devices could not be listed: ${String(fault)}`);
  }
}

/** Opens a device for a moment: the browser asks the user, if need be, and names the devices of the kind from then on. */
export async function tryDevice(kind: "video" | "audio"): Promise<void> {
  const stream = await mediaDevices().getUserMedia({ [kind]: true });
  for (const track of stream.getTracks()) track.stop();
}

function info({ label, deviceId }: MediaDeviceInfo): ZegoDeviceInfo {
  return { deviceName: label, deviceID: deviceId };
}

/** Emits the callbacks for devices that are plugged in and out, from `start` to `stop`. */
export class DeviceWatcher {
  private known: Map<string, MediaDeviceInfo> | undefined;
  private readonly ended = new AbortController();

  constructor(private readonly events: Emitter<ZegoEvent>) {}

  async start(): Promise<void> {
    if (this.known || typeof navigator === "undefined" || !navigator.mediaDevices) return;
    this.known = new Map();
    navigator.mediaDevices.addEventListener?.("devicechange", () => void this.compare(), { signal: this.ended.signal });
    this.known = byKey(await navigator.mediaDevices.enumerateDevices());
  }

  stop(): void {
    this.ended.abort();
  }

  private async compare(): Promise<void> {
    const before = this.known ?? new Map<string, MediaDeviceInfo>();
    const now = byKey(await navigator.mediaDevices.enumerateDevices());
    this.known = now;
    for (const [key, device] of before) if (!now.has(key)) this.emitChange("DELETE", device);
    for (const [key, device] of now) if (!before.has(key)) this.emitChange("ADD", device);
  }

  private emitChange(update: "ADD" | "DELETE", device: MediaDeviceInfo): void {
    if (device.kind === "videoinput") this.events.emit("videoDeviceStateChanged", update, info(device));
    else this.events.emit("audioDeviceStateChanged", update, device.kind === "audioinput" ? "Input" : "Output", info(device));
  }
}

/** Without a permission all devices of a kind have the empty id; the count still says whether there is one. */
function byKey(devices: MediaDeviceInfo[]): Map<string, MediaDeviceInfo> {
  return new Map(devices.filter((device) => device.deviceId).map((device) => [`${device.kind}/${device.deviceId}`, device]));
}
