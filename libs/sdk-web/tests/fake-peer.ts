/** A peer connection that agrees to everything: mids are given with the local description, and an answer connects it. */
import { FakeTrack } from "./page";

/** An answer that no browser can apply. */
export const UNREADABLE = "unreadable";

export class FakeTransceiver {
  mid: string | null = null;
  currentDirection: string | null = null;
  readonly sender: { track: FakeTrack | null; replaceTrack(track: FakeTrack | null): Promise<void>; getParameters(): object; setParameters(): Promise<void>; setStreams(): void };
  readonly receiver: { track: FakeTrack };

  constructor(
    readonly kind: "audio" | "video",
    track: FakeTrack | null,
    public direction: string,
  ) {
    const sender = {
      track,
      replaceTrack: async (next: FakeTrack | null) => void (sender.track = next),
      getParameters: () => ({ encodings: [{}] }),
      setParameters: async () => undefined,
      setStreams: () => undefined,
    };
    this.sender = sender;
    this.receiver = { track: new FakeTrack(kind) };
  }

  setCodecPreferences(): void {}
}

export class FakePeer {
  static all: FakePeer[] = [];
  connectionState = "new";
  signalingState = "stable";
  localDescription: { type: string; sdp: string } | null = null;
  onconnectionstatechange: (() => void) | null = null;
  readonly transceivers: FakeTransceiver[] = [];
  private offers = 0;

  constructor() {
    FakePeer.all.push(this);
  }

  static get last(): FakePeer {
    return FakePeer.all.at(-1)!;
  }

  addTransceiver(given: "audio" | "video" | FakeTrack, init: { direction: string }): FakeTransceiver {
    const track = typeof given === "string" ? null : given;
    const made = new FakeTransceiver(track?.kind ?? (given as "audio"), track, init.direction);
    this.transceivers.push(made);
    return made;
  }

  async createOffer(): Promise<{ type: string; sdp: string }> {
    return { type: "offer", sdp: `offer ${++this.offers}` };
  }

  async setLocalDescription(description: { type: string; sdp: string }): Promise<void> {
    if (description.type === "rollback") {
      this.signalingState = "stable";
      return;
    }
    this.localDescription = description;
    this.signalingState = "have-local-offer";
    this.transceivers.forEach((transceiver, index) => (transceiver.mid ??= String(index)));
  }

  async setRemoteDescription({ sdp }: { sdp: string }): Promise<void> {
    if (sdp === UNREADABLE) throw new DOMException("the description cannot be read", "OperationError");
    this.signalingState = "stable";
    for (const transceiver of this.transceivers) transceiver.currentDirection = transceiver.direction;
    this.become("connected");
  }

  become(state: string): void {
    if (this.connectionState === state) return;
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }

  close(): void {
    this.connectionState = "closed";
  }

  async getStats(): Promise<Map<string, object>> {
    return new Map();
  }
}

/** Give the page peer connections, from now on. */
export function installPeers(): void {
  FakePeer.all = [];
  Object.assign(globalThis, { RTCPeerConnection: FakePeer });
}
