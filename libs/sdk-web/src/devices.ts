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
    await requestPermission(kind);
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

async function requestPermission(kind: Kind): Promise<void> {
  try {
    const stream = await mediaDevices().getUserMedia({ video: kind === "videoinput", audio: kind === "audioinput" });
    for (const track of stream.getTracks()) track.stop();
  } catch (fault) {
    log.info("devices stay without names", fault);
  }
}

function info({ label, deviceId }: MediaDeviceInfo): ZegoDeviceInfo {
  return { deviceName: label, deviceID: deviceId };
}

/** Emits the callbacks for devices that are plugged in and out, from `start` to `stop`. */
export class DeviceWatcher {
  private known = new Map<string, MediaDeviceInfo>();
  private watching = false;
  private readonly onDeviceChange = () => void this.compare();

  constructor(private readonly events: Emitter<ZegoEvent>) {}

  async start(): Promise<void> {
    if (this.watching || typeof navigator === "undefined" || !navigator.mediaDevices) return;
    this.watching = true;
    navigator.mediaDevices.addEventListener?.("devicechange", this.onDeviceChange);
    this.known = byKey(await navigator.mediaDevices.enumerateDevices());
  }

  stop(): void {
    if (!this.watching) return;
    this.watching = false;
    navigator.mediaDevices.removeEventListener?.("devicechange", this.onDeviceChange);
  }

  private async compare(): Promise<void> {
    const before = this.known;
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
