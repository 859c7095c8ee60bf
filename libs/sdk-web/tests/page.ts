/** What a page has and node has not: sockets that lead to the fake gateway, and media objects that only count. */
import { ZegoExpressEngine } from "../src/engine";
import { setLogLevel } from "../src/logging";
import { Clock } from "./clock";
import { FakeGateway, settle } from "./fake-gateway";

export class FakeTrack extends EventTarget {
  readyState = "live";
  enabled = true;
  constructor(readonly kind: "audio" | "video") {
    super();
  }
  getSettings(): MediaTrackSettings {
    return {};
  }

  getConstraints(): MediaTrackConstraints {
    return {};
  }

  stop(): void {
    this.readyState = "ended";
  }
}

export class FakeStream {
  private tracks: FakeTrack[];
  constructor(tracks: FakeTrack[] = []) {
    this.tracks = [...tracks];
  }
  getTracks = () => [...this.tracks];
  getAudioTracks = () => this.tracks.filter(({ kind }) => kind === "audio");
  getVideoTracks = () => this.tracks.filter(({ kind }) => kind === "video");
  addTrack = (track: FakeTrack) => void (this.tracks.includes(track) || this.tracks.push(track));
  removeTrack = (track: FakeTrack) => void (this.tracks = this.tracks.filter((known) => known !== track));
}

export interface Page {
  clock: Clock;
  gateway: FakeGateway;
  zg: ZegoExpressEngine;
  /** Everything that was called back, in order. */
  heard: unknown[][];
  login(): Promise<boolean>;
  /** Move the clock and let everything due happen. */
  pass(ms: number): Promise<void>;
}

/** Answers come between steps: longer ones would look like a server that does not answer. */
const STEP_MS = 5_000;
const EVENTS = ["roomStateChanged", "roomUserUpdate", "roomStreamUpdate", "roomExtraInfoUpdate", "streamExtraInfoUpdate", "publisherStateUpdate", "playerStateUpdate", "remoteCameraStatusUpdate", "remoteMicStatusUpdate", "IMRecvBroadcastMessage", "IMRecvBarrageMessage", "IMRecvCustomCommand", "roomOnlineUserCountUpdate", "tokenWillExpire"] as const;

/** A page with an engine; ends with the test. */
export function openPage(server: string | string[] = "ws://gw/ws"): Page {
  setLogLevel("disable");
  const clock = new Clock(1_700_000_000_000);
  clock.install();
  const gateway = new FakeGateway();
  Object.assign(globalThis, { WebSocket: function (address: string) { return gateway.connect(address); }, MediaStream: FakeStream });
  const zg = new ZegoExpressEngine(1, server);
  const heard: unknown[][] = [];
  for (const name of EVENTS) zg.on(name, (...args: unknown[]) => heard.push([name, ...args]));
  return {
    clock,
    gateway,
    zg,
    heard,
    login: () => zg.loginRoom("r", "04token", { userID: "me", userName: "Me" }, { userUpdate: true }),
    async pass(ms) {
      for (let left = ms; left > 0; left -= STEP_MS) {
        await settle();
        clock.tick(Math.min(left, STEP_MS));
      }
      await settle();
    },
  };
}

export function closePage({ zg, clock }: Page): void {
  void zg.destroyEngine();
  clock.uninstall();
}

/** Reasons of roomStateChanged, in order. */
export function reasons(page: Page): unknown[] {
  return page.heard.filter(([name]) => name === "roomStateChanged").map(([, , reason, code]) => (code ? `${reason} ${code}` : reason));
}
