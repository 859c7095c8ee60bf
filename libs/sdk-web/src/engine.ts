/** The engine that pages use: each method checks its arguments, then hands over to the part that does the work. */
import { ZegoLocalStream } from "./capture/local-stream";
import { checkAppID, checkMessage, checkPlayOption, checkRoomExtra, checkRoomID, checkStreamExtra, checkStreamID, checkTargets, checkToken, checkUser } from "./checks";
import { asZegoError, Code, failure } from "./errors";
import { detect } from "./detection";
import { DeviceWatcher } from "./devices";
import { setOptions } from "./engine-options";
import type {
  ZegoCapabilityDetection, ZegoCheckSingleType, ZegoLocalStreamConfig, ZegoLogConfig, ZegoReplayOptions, ZegoRoomConfig, ZegoScenario,
  ZegoServerResponse, ZegoStreamOptions, ZegoSwitchRoomConfig, ZegoUser, ZegoWebPlayOption, ZegoWebPublishOption,
} from "./entities";
import { defineNotOffered, disableEngine } from "./inert-methods";
import { log, setLogLevel } from "./logging";
import { MediaControls } from "./media-controls";
import type { NotOffered } from "./not-offered";
import { canEncode } from "./publish/codecs";
import type { PublishChoice } from "./publish/publisher";
import type { Room } from "./room/room";
import { Replays } from "./replay/replays";
import { ZegoReplay } from "./replay/replay";
import { gatewayAddresses } from "./signalling/address";
import { ZegoStreamView } from "./view/stream-view";

const VERSION = "3.12.0";

/** The methods that are not offered are put on the prototype below. */
export interface ZegoExpressEngine extends NotOffered {}

/** The engine as pages see it. Where nothing else is said, promises reject with a ZegoError. */
export class ZegoExpressEngine extends MediaControls {
  static readonly version: string = VERSION;

  private readonly deviceWatcher = new DeviceWatcher(this);
  private readonly replays: Replays;
  private destroyed = false;

  /** `server`: empty for the server that the script came from, an address, or a list that is tried one after the other. Nothing is opened before a login. */
  constructor(appID: number, server?: string | string[] | null, _options?: { scenario?: number }) {
    const [app, addresses] = [checkAppID(appID), gatewayAddresses(server)];
    super(app, addresses);
    this.replays = new Replays(app, addresses, this);
  }

  /** `room_retry_time` and `av_retry_time` in seconds, `iceTransportPolicy: "relay"` for media through TURN alone, `server` for the gateway of every engine; for all engines, before they log in. */
  static setEngineOptions(options: any): void {
    setOptions(options);
  }

  static presetLogConfig(config: ZegoLogConfig): boolean {
    return setLogLevel(config?.logLevel ?? "warn");
  }

  getVersion(): string {
    return VERSION;
  }

  setDebugVerbose(enable: boolean): void {
    setLogLevel(enable ? "info" : "error");
  }

  setLogConfig(config: ZegoLogConfig): boolean {
    return config !== null && typeof config === "object" && setLogLevel(config.logLevel ?? "warn");
  }

  setRoomScenario(scenario: ZegoScenario): boolean {
    return Number.isInteger(scenario) && this.rooms.list.length === 0;
  }

  checkSystemRequirements<Type extends keyof ZegoCheckSingleType>(checkType?: Type, _checkLevel?: 0 | 1): Promise<ZegoCapabilityDetection> {
    return detect(checkType);
  }

  // Rooms

  async loginRoom(roomID: string, token: string, user: ZegoUser, config?: ZegoRoomConfig): Promise<boolean> {
    await this.rooms.enter(checkRoomID(roomID), checkToken(token), checkUser(user), config ?? {});
    this.quality.start();
    void this.deviceWatcher.start();
    return true;
  }

  /** Without a room: all of them. It resolves when the server has answered. */
  async logoutRoom(roomID?: string): Promise<void> {
    const leaving = this.rooms.list.filter(({ id }) => !roomID || id === roomID);
    if (roomID && !leaving.length) {
      const error = failure(Code.ROOM_NOT_LOGGED_IN, `not logged in to ${roomID}`, { field: "roomID" });
      log.warn("logoutRoom", error);
      if (this.rooms.multiRoom) this.emit("roomStateChanged", roomID, "LOGOUT_FAILED", error.code, error.message);
    }
    await Promise.all(leaving.map((room) => room.leave()));
  }

  enableMultiRoom(enable: boolean): boolean {
    if (this.rooms.list.length) return false;
    this.rooms.multiRoom = Boolean(enable);
    return true;
  }

  /** Leaves one room for another; previews and captured streams stay. */
  async switchRoom(fromRoomID: string, toRoomID: string, config: ZegoSwitchRoomConfig): Promise<boolean> {
    const room = this.room(fromRoomID, Code.ROOM_NOT_LOGGED_IN);
    const token = checkToken(config?.token);
    checkRoomID(toRoomID);
    await room.leave();
    const { maxMemberCount = 0, isUserStatusNotify = false } = config;
    return this.rooms.enter(toRoomID, token, room.login.user, { maxMemberCount, userUpdate: isUserStatusNotify });
  }

  /** Whether the token has the right form; it counts from the next login or publish on. */
  renewToken(token: string, roomID?: string): boolean {
    try {
      const rooms = roomID ? [this.room(roomID, Code.ROOM_NOT_LOGGED_IN)] : this.rooms.list;
      const bare = checkToken(token);
      for (const room of rooms) room.renewToken(bare);
      return rooms.length > 0;
    } catch (error) {
      log.error("renewToken", error);
      return false;
    }
  }

  async setRoomExtraInfo(roomID: string, key: string, value: string): Promise<ZegoServerResponse> {
    checkRoomExtra(key, value);
    const room = this.room(roomID, Code.ROOM_GONE);
    await this.rooms.session.request({ t: "roomExtraInfo", roomID: room.id, key, value });
    return { errorCode: 0, extendedData: "" };
  }

  // Local media

  async createZegoStream(options?: ZegoStreamOptions): Promise<ZegoLocalStream> {
    return this.localStreams.create(options);
  }

  async createStream(source?: ZegoLocalStreamConfig): Promise<MediaStream> {
    return (await this.localStreams.create(source, true)).stream;
  }

  // Publishing

  /** Returns whether publishing was started; its outcome is reported by publisherStateUpdate. */
  startPublishingStream(streamID: string, stream: MediaStream | ZegoLocalStream, publishOption: ZegoWebPublishOption = {}): boolean {
    try {
      checkStreamID(streamID);
      const choice = publishChoice(publishOption);
      const room = this.room(publishOption?.roomID, Code.NOT_LOGGED_IN);
      const source = this.localStreams.source(stream);
      if (this.rooms.publication(streamID)) throw failure(Code.ALREADY_PUBLISHING, `${streamID} is being published`);
      this.applyAudioMute(source.stream);
      room.publisher.start(streamID, source, choice);
      return true;
    } catch (thrown) {
      const error = asZegoError(thrown);
      log.error("startPublishingStream", error);
      const state = this.rooms.publication(streamID)?.publication.state ?? "NO_PUBLISH";
      this.emit("publisherStateUpdate", { streamID, state, errorCode: error.code, extendedData: error.message });
      return false;
    }
  }

  stopPublishingStream(streamID: string): boolean {
    return this.rooms.publication(streamID)?.room.publisher.stop(streamID) ?? false;
  }

  async setStreamExtraInfo(streamID: string, extraInfo: string): Promise<ZegoServerResponse> {
    checkStreamID(streamID);
    checkStreamExtra(extraInfo);
    const found = this.rooms.publication(streamID);
    if (!found) throw failure(Code.NOT_PUBLISHING, `${streamID} is not being published`, { field: "streamID" });
    await this.rooms.session.request({ t: "streamExtraInfo", roomID: found.room.id, streamID, extraInfo });
    found.publication.choice.extraInfo = extraInfo;
    return { errorCode: 0, extendedData: "" };
  }

  // Playing

  /** Resolves with a real MediaStream, maybe before media flows. */
  async startPlayingStream(streamID: string, playOption: ZegoWebPlayOption = {}): Promise<MediaStream> {
    checkStreamID(streamID);
    checkPlayOption(playOption);
    const room = this.roomOfStream(streamID, playOption?.roomID);
    if (this.rooms.playback(streamID)) throw failure(Code.ALREADY_PLAYING, `${streamID} is being played`);
    return room.players.first.start(streamID, playOption ?? {}, this.mutedPlay);
  }

  stopPlayingStream(streamID: string): boolean {
    return this.rooms.playback(streamID)?.player.stop(streamID) ?? false;
  }

  // Messages

  async sendBroadcastMessage(roomID: string, message: string): Promise<ZegoServerResponse & { messageID: number }> {
    const request = { t: "broadcast", roomID: this.messageRoom(roomID), message: checkMessage(message) } as const;
    return { errorCode: 0, messageID: Number((await this.rooms.session.request(request)).messageID), extendedData: "" };
  }

  async sendBarrageMessage(roomID: string, message: string): Promise<ZegoServerResponse & { messageID: string }> {
    const request = { t: "barrage", roomID: this.messageRoom(roomID), message: checkMessage(message) } as const;
    return { errorCode: 0, messageID: String((await this.rooms.session.request(request)).messageID), extendedData: "" };
  }

  /** An empty list of users means the whole room; who was not there is named in `extendedData`. */
  async sendCustomCommand(roomID: string, command: string, toUserIDList: string[] = []): Promise<ZegoServerResponse> {
    const [room, text, toUserIDs] = [this.messageRoom(roomID), checkMessage(command), checkTargets(toUserIDList)];
    const { absent } = await this.rooms.session.request({ t: "command", roomID: room, command: text, toUserIDs });
    return { errorCode: 0, extendedData: absent.length ? JSON.stringify({ absent }) : "" };
  }

  // The record

  /** Replays a past call, or this one up to now: the same callbacks in the same order and at the same pace. See docs/how-to/replay.md. */
  async replayRoom(roomID: string, options: ZegoReplayOptions = {}): Promise<ZegoReplay> {
    return this.replays.start(checkRoomID(roomID), options.token || this.rooms.find(roomID)?.token, options);
  }

  // The end

  /** Leaves every room, ends every track; afterwards every method that needs the engine answers with 9000021. */
  async destroyEngine(): Promise<void> {
    if (this.destroyed) return;
    this.destroyed = true;
    disableEngine(this);
    this.replays.stopAll();
    this.beauty.removeAll();
    this.localStreams.destroyAll();
    this.quality.stop();
    this.deviceWatcher.stop();
    await this.logoutRoom();
    this.rooms.session.close("the engine was destroyed");
    this.clear();
  }

  private room(roomID: string | undefined, code: number): Room {
    const room = this.rooms.findOrOnly(roomID);
    if (room?.states.joined) return room;
    const several = roomID === undefined && this.rooms.list.length > 1;
    throw failure(code, several ? "several rooms are logged in" : `not logged in to ${roomID ?? "a room"}`, {
      field: "roomID",
      hint: several ? "name the room in the options" : "await loginRoom first",
    });
  }

  /** A message goes out only into a room that is logged in. */
  private messageRoom(roomID: string): string {
    if (this.rooms.find(roomID)?.states.joined) return roomID;
    throw failure(Code.MESSAGE_ROOM, `not logged in to ${roomID || "the room"}`, { field: "roomID" });
  }

  private roomOfStream(streamID: string, roomID: string | undefined): Room {
    const holder = roomID === undefined ? this.rooms.list.find((room) => room.states.joined && room.mirror.stream(streamID)) : undefined;
    return holder ?? this.room(roomID ?? (this.rooms.list.length > 1 ? this.rooms.list[0]!.id : undefined), Code.NOT_LOGGED_IN);
  }
}

function publishChoice(option: ZegoWebPublishOption | undefined): PublishChoice {
  const codec = option?.videoCodec ?? "VP8";
  if (codec === "H265" || !canEncode(codec)) {
    throw failure(Code.CODEC_UNSUPPORTED, `${codec} cannot be published`, { field: "videoCodec", limit: "VP8, H264" });
  }
  const extraInfo = option?.extraInfo === undefined ? "" : checkStreamExtra(option.extraInfo);
  return { codec, extraInfo };
}

defineNotOffered(ZegoExpressEngine);
// Vue must not wrap these in reactive proxies, which break the browser's own objects inside.
for (const { prototype } of [ZegoExpressEngine, ZegoLocalStream, ZegoStreamView, ZegoReplay]) Object.defineProperty(prototype, "__v_skip", { value: true });
