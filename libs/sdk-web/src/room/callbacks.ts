/** Emits the page's callbacks for changes of a room: the second half of the table in docs/protocol.md. */
import type { Emitter } from "../emitter";
import type { ZegoEvent, ZegoStreamList, ZegoUser } from "../entities";
import type { StreamEntry, UserRef } from "../generated/contract";
import type { RoomChange, MuteField } from "./mirror";

type ChangeOf<Kind extends RoomChange["kind"]> = Extract<RoomChange, { kind: Kind }>;

/** A user with the public fields only. */
export function publicUser(user: UserRef): ZegoUser {
  return { userID: user.userID, userName: user.userName ?? "" };
}

/** A stream as pages know it. The addresses of live relays are part of that shape and stay empty: this suite has none. */
export function publicStream(stream: StreamEntry): ZegoStreamList {
  return {
    streamID: stream.streamID,
    user: publicUser(stream.user),
    extraInfo: stream.extraInfo ?? "",
    urlsFLV: "",
    urlsRTMP: "",
    urlsHLS: "",
    urlsHttpsFLV: "",
    urlsHttpsHLS: "",
  };
}

/** Emits the page's callback for a change. `userUpdate` is the login's setting: without it, users that come and go are not reported. */
export function emitChange(events: Emitter<ZegoEvent>, roomID: string, change: RoomChange, userUpdate: boolean): void {
  switch (change.kind) {
    case "users":
      if (userUpdate) events.emit("roomUserUpdate", roomID, change.update, change.users.map(publicUser));
      return;
    case "streams":
      return events.emit("roomStreamUpdate", roomID, change.update, change.streams.map(publicStream), deleteReasons(change));
    case "streamExtra": {
      const { streamID, user, extraInfo } = publicStream(change.stream);
      return events.emit("streamExtraInfoUpdate", roomID, [{ streamID, user, extraInfo }]);
    }
    case "mutes":
      return emitMutes(events, change.stream, change.kinds);
    case "roomExtra":
      return events.emit("roomExtraInfoUpdate", roomID, change.entries.map((entry) => ({ ...entry, updateUser: publicUser(entry.updateUser) })));
    case "message":
      return emitMessage(events, roomID, change);
    default:
      return;
  }
}

/** Emits whether a stream's camera and microphone are open, for the kinds given. */
export function emitMutes(events: Emitter<ZegoEvent>, stream: StreamEntry, kinds: readonly MuteField[]): void {
  for (const kind of kinds) {
    const event = kind === "videoMuted" ? "remoteCameraStatusUpdate" : "remoteMicStatusUpdate";
    events.emit(event, stream.streamID, stream[kind] ? "MUTE" : "OPEN");
  }
}

function deleteReasons({ streams, reasons }: ChangeOf<"streams">): string {
  if (!reasons) return "";
  return JSON.stringify({ stream_delete_reason: streams.map(({ streamID }, index) => ({ streamID, code: reasons[index] ?? 1 })) });
}

function emitMessage(events: Emitter<ZegoEvent>, roomID: string, { channel, from, text, sentMs, messageID }: ChangeOf<"message">): void {
  const fromUser = publicUser(from);
  if (channel === "command") return events.emit("IMRecvCustomCommand", roomID, fromUser, text);
  const shared = { fromUser, message: text, sendTime: sentMs };
  if (channel === "broadcast") events.emit("IMRecvBroadcastMessage", roomID, [{ ...shared, messageID: Number(messageID) }]);
  else events.emit("IMRecvBarrageMessage", roomID, [{ ...shared, messageID }]);
}
