/** Sending of the three kinds of messages. */
import { checkMessage, checkTargets } from "./checks";
import { Code, failure } from "./errors";
import type { ZegoServerResponse } from "./entities";
import type { Room } from "./room/room";
import type { Session } from "./signalling/session";

/** A message goes out only into a room that is logged in. */
export function messageRoom(room: Room | undefined, roomID: string): Room {
  if (!room?.states.joined) throw failure(Code.MESSAGE_ROOM, `not logged in to ${roomID || "the room"}`, { field: "roomID" });
  return room;
}

export async function sendBroadcast(session: Session, room: Room, message: unknown): Promise<ZegoServerResponse & { messageID: number }> {
  const text = checkMessage(message);
  const { messageID } = await session.request({ t: "broadcast", roomID: room.id, message: text });
  return { errorCode: 0, messageID: Number(messageID), extendedData: "" };
}

export async function sendBarrage(session: Session, room: Room, message: unknown): Promise<ZegoServerResponse & { messageID: string }> {
  const text = checkMessage(message);
  const { messageID } = await session.request({ t: "barrage", roomID: room.id, message: text });
  return { errorCode: 0, messageID: String(messageID), extendedData: "" };
}

/** An empty list of users means the whole room; who was not there is named in `extendedData`. */
export async function sendCommand(session: Session, room: Room, command: unknown, toUserIDs: unknown): Promise<ZegoServerResponse> {
  const { absent } = await session.request({ t: "command", roomID: room.id, command: checkMessage(command), toUserIDs: checkTargets(toUserIDs) });
  return { errorCode: 0, extendedData: absent.length ? JSON.stringify({ absent }) : "" };
}
