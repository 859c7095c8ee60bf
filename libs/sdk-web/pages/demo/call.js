/** A call of the demo pages, by the calls that every page makes: engine, callbacks, login, stream, publish; play what others publish. */
import { errorText } from "../format.js";

/** @typedef {import("../../src").ZegoExpressEngine} Engine */
/** @typedef {import("../../src").ZegoLocalStream} LocalStream */
/** @typedef {{ video: boolean, audio: boolean }} Capture */
/** @typedef {{ roomID: string, userID: string, token: string }} Login */
/**
 * What a page does for its call.
 * @typedef {object} CallPage
 * @property {readonly Capture[]} captures what to open: the first of them that there are devices for; none where the page opens devices later
 * @property {(engine: Engine) => void | Promise<void>} prepare registers the page's callbacks; a rejection ends the call before its login
 * @property {(inside: boolean, engine: Engine | undefined) => void} setInRoom the login was granted, or the stay is over
 * @property {(stream: LocalStream, streamID: string, userID: string) => void} showLocal
 * @property {(streamID: string, name: string) => (stream: MediaStream) => void} showRemote makes a place, and gives what plays a stream in it
 * @property {(streamID: string) => void} removeRemote
 * @property {(stream: LocalStream | undefined) => void} offerMutes
 * @property {(text: string) => void} notify
 * @property {(error: unknown) => void} showError
 * @property {(name: string, text: string, bad?: boolean) => void} logLine
 */

/** The vendor's code where the visitor or the browser said no. */
const CAPTURE_DENIED = 1103064;

/** Reasons of roomStateChanged that end a stay, and what a guest can do about each. @type {Record<string, string>} */
export const END_TEXTS = {
  LOGIN_FAILED: "The room did not let you in. Ask whoever sent you the link for a new one. The reason:",
  KICKOUT: "You were put out of the room. Camera and microphone are off.",
  RECONNECT_FAILED: "The connection is lost. Camera and microphone are off; join again when the network is back.",
  LOGOUT: "",
};

export class DemoCall {
  /** @type {Engine | undefined} */
  engine;
  /** @type {LocalStream | undefined} */
  localStream;
  roomID = "";
  streamID = "";

  /** @param {CallPage} page */
  constructor(page) {
    this.page = page;
  }

  /**
   * Logs in, opens devices and publishes. Whatever comes after an engine was released is undone.
   * @param {Engine} engine
   * @param {Login} login
   */
  async join(engine, { roomID, userID, token }) {
    const { page } = this;
    Object.assign(this, { engine, roomID, streamID: String(Date.now()) });
    engine.on("roomStateChanged", (_roomID, reason, _errorCode, extendedData) => {
      if (!(reason in END_TEXTS)) return;
      page.notify(reason === "LOGIN_FAILED" ? `${END_TEXTS[reason]} ${extendedData}` : (END_TEXTS[reason] ?? ""));
      this.release(engine);
    });
    engine.on("roomStreamUpdate", async (_roomID, updateType, streams) => {
      for (const { streamID, user } of streams) {
        if (updateType === "ADD") await this.play(engine, streamID, user.userName || user.userID);
        else this.stop(streamID);
      }
    });
    await page.prepare(engine);
    await engine.loginRoom(roomID, token, { userID, userName: userID }, { userUpdate: true });
    page.setInRoom(true, engine);
    if (!page.captures.length) return;
    const stream = await openDevices(engine, page);
    if (engine !== this.engine) return stream?.stream.getTracks().forEach((track) => track.stop()); // it came too late for this stay
    if (!stream) return;
    this.localStream = stream;
    page.showLocal(stream, this.streamID, userID);
    engine.startPublishingStream(this.streamID, stream);
    page.offerMutes(stream);
  }

  async leave() {
    const { engine } = this;
    if (this.localStream) engine?.stopPublishingStream(this.streamID);
    await engine?.logoutRoom(this.roomID);
    this.release(engine);
  }

  /** Ends the stay of an engine, which gives back its devices. An engine of an earlier stay changes nothing. @param {Engine} [engine] */
  release(engine = this.engine) {
    if (engine !== this.engine) return;
    this.engine = this.localStream = undefined;
    engine?.destroyEngine().catch(this.page.showError);
    this.page.setInRoom(false, engine);
  }

  /** @param {Engine} engine @param {string} streamID @param {string} name */
  async play(engine, streamID, name) {
    const show = this.page.showRemote(streamID, name);
    try {
      show(await engine.startPlayingStream(streamID));
    } catch (error) {
      if (engine !== this.engine) return;
      this.page.showError(error);
      this.page.removeRemote(streamID);
    }
  }

  /** @param {string} streamID */
  stop(streamID) {
    this.engine?.stopPlayingStream(streamID);
    this.page.removeRemote(streamID);
  }
}

/**
 * The first of the page's captures that there are devices for; undefined, with a sentence, where one can only watch and listen.
 * @param {Engine} engine
 * @param {Pick<CallPage, "captures" | "notify" | "logLine">} page
 */
export async function openDevices(engine, { captures, notify, logLine }) {
  for (const [index, camera] of captures.entries()) {
    try {
      const stream = await engine.createZegoStream({ camera });
      if (index) notify(camera.video ? "No microphone was found: others see you, and do not hear you." : "No camera was found: others hear you, and do not see you.");
      return stream;
    } catch (error) {
      logLine("devices", errorText(error), true);
      if (/** @type {{ code?: unknown }} */ (error).code === CAPTURE_DENIED) break; // who said no is not asked again
    }
  }
  notify("You watch and listen: this page has neither your camera nor your microphone.");
  return undefined;
}

/**
 * The people in the room after an update, by their ids.
 * @param {Map<string, string>} people
 * @param {"ADD" | "DELETE"} updateType
 * @param {{ userID: string, userName?: string }[]} users
 */
export function updatePeople(people, updateType, users) {
  for (const { userID, userName } of users) {
    if (updateType === "ADD") people.set(userID, userName || userID);
    else people.delete(userID);
  }
  return people;
}

/** @param {Map<string, string>} people the others */
export const peopleText = (people) => (people.size ? `you and ${[...people.values()].join(", ")}` : "you alone");
