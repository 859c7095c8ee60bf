/**
 * Opens another device in place of the one that a track comes from.
 *
 * Rules: 1. The old track is live until the new one is there; a switch that fails changes nothing. 2. Some machines open one camera at a time:
 * there the old one is stopped first, and opened again when the new one fails.
 */
import { asZegoError, Code, failure, type ZegoError } from "../errors";
import type { Kind } from "../negotiation/transceiver-pool";
import { captureError, mediaDevices } from "./acquire";

/** The track to use in place of the old one, if any, and the error, if any; both where the old device was opened again. */
interface SwitchResult {
  track?: MediaStreamTrack;
  error?: ZegoError;
}

/** The same device at the same settings, for a track that ended or will. To be read while it is live. */
export function constraintsOf(track: MediaStreamTrack): MediaTrackConstraints {
  const { deviceId } = track.getSettings();
  return { ...withoutDevice(track), ...(deviceId ? { deviceId: { exact: deviceId } } : {}) };
}

/** Opens the device of `constraints` with the other settings of the old track. Never rejects: see `SwitchResult`. */
export async function switchDevice(kind: Kind, old: MediaStreamTrack, constraints: MediaTrackConstraints): Promise<SwitchResult> {
  const combined = { ...withoutDevice(old), ...constraints };
  const before = constraintsOf(old);
  try {
    return { track: await openDevice(kind, combined) };
  } catch (thrown) {
    const error = asZegoError(thrown);
    if (error.code !== Code.CAPTURE_BUSY || old.readyState === "ended") return { error };
  }
  old.stop();
  try {
    return { track: await openDevice(kind, combined) };
  } catch (thrown) {
    const back = await openDevice(kind, before).catch(() => undefined);
    return { ...(back ? { track: back } : {}), error: asZegoError(thrown) };
  }
}

/** One track of a device. A device that is not there is 1103048. */
export async function openDevice(kind: Kind, constraints: MediaTrackConstraints): Promise<MediaStreamTrack> {
  try {
    const [track] = (await mediaDevices().getUserMedia({ [kind]: constraints })).getTracks();
    if (track) return track;
    throw failure(Code.DEVICE_NOT_FOUND, "the device gave nothing");
  } catch (fault) {
    const { name, constraint } = fault as { name?: string; constraint?: string };
    if (name === "NotFoundError" || (name === "OverconstrainedError" && constraint === "deviceId")) {
      throw failure(Code.DEVICE_NOT_FOUND, "there is no such device", { field: "deviceID", hint: "take one from enumDevices()" });
    }
    throw captureError(fault);
  }
}

function withoutDevice(track: MediaStreamTrack): MediaTrackConstraints {
  const { deviceId: _device, facingMode: _facing, ...others } = track.getConstraints();
  return others;
}
