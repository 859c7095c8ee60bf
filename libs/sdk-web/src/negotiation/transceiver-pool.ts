/** The transceivers of a peer connection and who uses them. A free one of the right kind is taken before a new m-line is made. */
import type { MediaSections } from "../generated/contract";

export type Kind = "audio" | "video";
export const KINDS: readonly Kind[] = ["audio", "video"];

export interface TransceiverSlot<Owner> {
  readonly kind: Kind;
  readonly transceiver: RTCRtpTransceiver;
  owner: Owner | undefined;
}

export class TransceiverPool<Owner> {
  private slots: TransceiverSlot<Owner>[] = [];

  /** The slots of one owner. */
  slotsOf(owner: Owner): TransceiverSlot<Owner>[] {
    return this.slots.filter((slot) => slot.owner === owner);
  }

  slot(owner: Owner, kind: Kind): TransceiverSlot<Owner> | undefined {
    return this.slots.find((slot) => slot.owner === owner && slot.kind === kind);
  }

  /** The m-line that an owner has for a kind; null before the first description, or without one. */
  midOf(owner: Owner, kind: Kind): string | null {
    return this.slot(owner, kind)?.transceiver.mid ?? null;
  }

  /** The m-lines of an owner for the kinds that are in use, as requests name them. */
  sections(owner: Owner, inUse: (kind: Kind) => boolean): MediaSections {
    const [audioMid, videoMid] = KINDS.map((kind) => (inUse(kind) ? this.midOf(owner, kind) : null));
    return { ...(audioMid ? { audioMid } : {}), ...(videoMid ? { videoMid } : {}) };
  }

  all(): readonly TransceiverSlot<Owner>[] {
    return this.slots;
  }

  /** Gives the owner a free slot; undefined without one. The relay may have stopped an m-line for good: such a one is forgotten. */
  reuse(kind: Kind, owner: Owner): TransceiverSlot<Owner> | undefined {
    this.slots = this.slots.filter((slot) => slot.owner !== undefined || !isStopped(slot.transceiver));
    const free = this.slots.find((slot) => slot.kind === kind && slot.owner === undefined);
    if (free) free.owner = owner;
    return free;
  }

  add(kind: Kind, transceiver: RTCRtpTransceiver, owner: Owner | undefined): TransceiverSlot<Owner> {
    const slot = { kind, transceiver, owner };
    this.slots.push(slot);
    return slot;
  }

  clear(): void {
    this.slots = [];
  }
}

export function isStopped(transceiver: RTCRtpTransceiver): boolean {
  return transceiver.currentDirection === "stopped" || transceiver.direction === "stopped";
}
