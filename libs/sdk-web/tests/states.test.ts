import assert from "node:assert/strict";
import { test } from "node:test";
import { ZegoRoomStateChangedReason } from "../src/entities/rooms";
import { RoomStates, type RoomReason } from "../src/room/states";

const REASONS = Object.values(ZegoRoomStateChangedReason);

/** Ways to each phase, and the only reasons that may follow. */
const LEGAL: [string, RoomReason[], RoomReason[]][] = [
  ["logged out", [], ["LOGINING"]],
  ["logging in", ["LOGINING"], ["LOGINED", "LOGIN_FAILED"]],
  ["after a failed login", ["LOGINING", "LOGIN_FAILED"], ["LOGINING"]],
  ["logged in", ["LOGINING", "LOGINED"], ["RECONNECTING", "KICKOUT", "LOGOUT", "LOGOUT_FAILED"]],
  ["reconnecting", ["LOGINING", "LOGINED", "RECONNECTING"], ["RECONNECTED", "RECONNECT_FAILED", "KICKOUT", "LOGOUT"]],
  ["reconnected", ["LOGINING", "LOGINED", "RECONNECTING", "RECONNECTED"], ["RECONNECTING", "KICKOUT", "LOGOUT", "LOGOUT_FAILED"]],
  ["after a kick", ["LOGINING", "LOGINED", "KICKOUT"], ["LOGINING"]],
  ["after a logout", ["LOGINING", "LOGINED", "LOGOUT"], ["LOGINING"]],
];

for (const [where, way, legal] of LEGAL) {
  test(`${where}: ${legal.join(", ")} and nothing else`, () => {
    for (const reason of REASONS) {
      const told: RoomReason[] = [];
      const states = new RoomStates((next) => told.push(next));
      for (const step of way) assert.ok(states.go(step));
      told.length = 0;
      assert.equal(states.go(reason), legal.includes(reason), reason);
      assert.deepEqual(told, legal.includes(reason) ? [reason] : []);
    }
  });
}

test("the legacy state goes with each reason", () => {
  const told: string[] = [];
  const states = new RoomStates((_reason, legacy, code) => told.push(`${legacy} ${code}`));
  states.go("LOGINING");
  states.go("LOGINED");
  states.go("RECONNECTING", 1000017);
  states.go("RECONNECTED");
  states.go("KICKOUT", 1002050);
  assert.deepEqual(told, ["CONNECTING 0", "CONNECTED 0", "CONNECTING 1000017", "CONNECTED 0", "DISCONNECTED 1002050"]);
});
