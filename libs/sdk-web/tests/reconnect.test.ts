import assert from "node:assert/strict";
import { test } from "node:test";
import { at, settle } from "./fake-gateway";
import { closePage, openPage, reasons, type Page } from "./page";

async function loggedIn(): Promise<Page> {
  const page = openPage();
  await page.login();
  await settle();
  return page;
}

function joined(seq: number, userID: string): object {
  return { t: "ev", roomID: "r", pos: at(seq), seq, at: 1e15, type: "room.user_joined.v1", data: {}, user: { userID, userName: "" } };
}

test("a lost connection is resumed by session and position; what was missed is applied once", async () => {
  const page = await loggedIn();
  page.gateway.socket.say(joined(5, "ann"));
  page.gateway.socket.break();
  await page.pass(400);
  const [resume] = page.gateway.socket.sent;
  assert.deepEqual([resume!.t, resume!.sessionID, resume!.rooms], ["resume", "s1.secret", { r: at(5) }]);
  page.gateway.socket.say(joined(5, "ann"));
  page.gateway.socket.say(joined(6, "bob"));
  assert.deepEqual(reasons(page), ["LOGINING", "LOGINED", "RECONNECTING 1000017", "RECONNECTED"]);
  const added = page.heard.filter(([name]) => name === "roomUserUpdate").map(([, , , users]) => (users as { userID: string }[])[0]!.userID);
  assert.deepEqual(added, ["ann", "bob"]);
  closePage(page);
});

test("an unanswered request is repeated with its id, behind the resume", async () => {
  const page = await loggedIn();
  page.gateway.answers.broadcast = () => undefined;
  const sending = page.zg.sendBroadcastMessage("r", "hello");
  await settle();
  const first = page.gateway.socket.sent.at(-1)!;
  page.gateway.socket.break();
  page.gateway.answers.broadcast = () => ({ messageID: 9 });
  await page.pass(400);
  assert.deepEqual(await sending, { errorCode: 0, messageID: 9, extendedData: "" });
  assert.deepEqual(page.gateway.socket.sent.map(({ t }) => t), ["resume", "broadcast"]);
  assert.equal(page.gateway.socket.sent[1]!.id, first.id);
  closePage(page);
});

test("nothing goes out before the resume was answered", async () => {
  const page = await loggedIn();
  page.gateway.answers.resume = () => undefined;
  page.gateway.socket.break();
  await page.pass(400);
  page.zg.sendBroadcastMessage("r", "hello").catch(() => undefined);
  await settle();
  assert.deepEqual(page.gateway.socket.sent.map(({ t }) => t), ["resume"]);
  closePage(page);
});

test("a gap on a live connection asks for the tail, and the connection stays", async () => {
  const page = await loggedIn();
  page.gateway.socket.say(joined(7, "carl"));
  await settle();
  const asked = page.gateway.socket.sent.at(-1)!;
  assert.deepEqual([asked.t, asked.rooms], ["resume", { r: at(4) }]);
  for (const [seq, user] of [[5, "ann"], [6, "bob"], [7, "carl"]] as const) page.gateway.socket.say(joined(seq, user));
  assert.equal(page.heard.filter(([name]) => name === "roomUserUpdate").length, 3);
  assert.equal(page.gateway.sockets.length, 1);
  assert.deepEqual(reasons(page), ["LOGINING", "LOGINED"]);
  closePage(page);
});

test("a session that is gone: the same login again, differences as updates", async () => {
  const page = await loggedIn();
  page.gateway.socket.say(joined(5, "ann"));
  page.gateway.answers.resume = () => page.gateway.refuse(9000007);
  const answer = page.gateway.answers.login!;
  page.gateway.answers.login = (frame) => ({ ...answer(frame), sessionID: "s2.secret", position: at(3, "life2"), users: [{ userID: "bob", userName: "" }] });
  page.gateway.socket.break();
  await page.pass(400);
  assert.deepEqual(page.gateway.socket.sent.map(({ t }) => t), ["resume", "login"]);
  assert.deepEqual(reasons(page).slice(-2), ["RECONNECTING 1000017", "RECONNECTED"]);
  const users = page.heard.filter(([name]) => name === "roomUserUpdate").map(([, , update, list]) => `${update} ${(list as { userID: string }[])[0]!.userID}`);
  assert.deepEqual(users, ["ADD ann", "DELETE ann", "ADD bob"]);
  closePage(page);
});

test("the reconnect window ends with RECONNECT_FAILED 1002053, and nothing is tried any more", async () => {
  const page = await loggedIn();
  page.gateway.open = false;
  page.gateway.socket.break();
  for (let second = 0; second < 301; second += 7) {
    await page.pass(7_000);
    if (!page.gateway.socket.closed) page.gateway.socket.break();
  }
  assert.deepEqual(reasons(page).slice(-2), ["RECONNECTING 1000017", "RECONNECT_FAILED 1002053"]);
  const tried = page.gateway.sockets.length;
  assert.ok(tried > 10);
  await page.pass(60_000);
  assert.equal(page.gateway.sockets.length, tried);
  closePage(page);
});

test("a login elsewhere that is found out on the way back is 1002086", async () => {
  const page = await loggedIn();
  page.gateway.answers.resume = () => page.gateway.refuse(1002050);
  page.gateway.socket.break();
  await page.pass(400);
  assert.deepEqual(reasons(page).slice(-1), ["KICKOUT 1002086"]);
  closePage(page);
});

test("a ping without an answer is a lost connection", async () => {
  const page = await loggedIn();
  page.gateway.answers.ping = () => undefined;
  await page.pass(30_000);
  assert.equal(page.gateway.socket.sent.at(-1)!.t, "ping");
  await page.pass(10_000);
  assert.deepEqual(reasons(page).slice(-1), ["RECONNECTING 1000017"]);
  await page.pass(400);
  assert.deepEqual(reasons(page).slice(-1), ["RECONNECTED"]);
  closePage(page);
});

test("bye: back after the time that the server named", async () => {
  const page = await loggedIn();
  page.gateway.socket.say({ t: "bye", code: 1012, retryAfterMs: 5_000 });
  await page.pass(4_900);
  assert.equal(page.gateway.sockets.length, 1);
  await page.pass(200);
  assert.equal(page.gateway.socket.sent[0]!.t, "resume");
  closePage(page);
});

test("logging out while the connection is away says LOGOUT at once", async () => {
  const page = await loggedIn();
  page.gateway.open = false;
  page.gateway.socket.break();
  await page.zg.logoutRoom("r");
  assert.deepEqual(reasons(page).slice(-2), ["RECONNECTING 1000017", "LOGOUT"]);
  closePage(page);
});
