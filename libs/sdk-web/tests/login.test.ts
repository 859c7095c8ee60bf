import assert from "node:assert/strict";
import { test } from "node:test";
import { at, settle } from "./fake-gateway";
import { closePage, openPage, reasons } from "./page";

const ann = { userID: "ann", userName: "Ann" };

test("importing and constructing touches no socket", () => {
  const page = openPage();
  assert.equal(page.gateway.sockets.length, 0);
  closePage(page);
});

test("LOGINED fires, then the promise resolves, then the lists arrive", async () => {
  const page = openPage();
  const { gateway, heard } = page;
  const answer = gateway.answers.login!;
  gateway.answers.login = (frame) => ({ ...answer(frame), users: [ann], streams: [{ streamID: "a1", user: ann }], extraInfo: [{ key: "k", value: "v", updateUser: ann, updateTime: 5 }] });
  assert.equal(await page.login().then((result) => (heard.push(["resolved"]), result)), true);
  // An event that overtakes the lists is held back until they were delivered.
  gateway.socket.say({ t: "ev", roomID: "r", pos: at(5), seq: 5, at: 1e15, type: "room.user_joined.v1", data: {}, user: { userID: "bob", userName: "" } });
  await settle();
  const bare = { urlsFLV: "", urlsRTMP: "", urlsHLS: "", urlsHttpsFLV: "", urlsHttpsHLS: "" };
  assert.deepEqual(heard, [
    ["roomStateChanged", "r", "LOGINING", 0, ""],
    ["roomStateChanged", "r", "LOGINED", 0, ""],
    ["resolved"],
    ["roomStreamUpdate", "r", "ADD", [{ streamID: "a1", user: ann, extraInfo: "", ...bare }], ""],
    ["roomUserUpdate", "r", "ADD", [ann]],
    ["roomExtraInfoUpdate", "r", [{ key: "k", value: "v", updateUser: ann, updateTime: 5 }]],
    ["roomUserUpdate", "r", "ADD", [{ userID: "bob", userName: "" }]],
  ]);
  const [frame] = gateway.socket.sent;
  assert.equal(frame!.t, "login");
  assert.deepEqual([frame!.appID, frame!.roomID, frame!.token, frame!.user, frame!.config], [1, "r", "04token", { userID: "me", userName: "Me" }, { userUpdate: true, maxMemberCount: 0 }]);
  closePage(page);
});

test("a large room's pages are part of the lists, at the login and in a snapshot", async () => {
  const page = openPage();
  const { gateway, heard } = page;
  const answer = gateway.answers.login!;
  const [bob, carl, dora] = ["bob", "carl", "dora"].map((userID) => ({ userID, userName: "" }));
  gateway.answers.login = (frame) => {
    gateway.socket.say({ t: "page", roomID: "r", users: [ann], streams: [] });
    gateway.socket.say({ t: "page", roomID: "r", users: [bob], streams: [] });
    return { ...answer(frame), users: [carl], streams: [] };
  };
  await page.login();
  await settle();
  gateway.socket.say({ t: "page", roomID: "r", users: [ann, dora], streams: [] });
  gateway.socket.say({ t: "snap", roomID: "r", pos: at(40), users: [carl], streams: [], extraInfo: [] });
  await settle();
  assert.deepEqual(heard.filter(([name]) => name === "roomUserUpdate"), [
    ["roomUserUpdate", "r", "ADD", [ann, bob, carl]],
    ["roomUserUpdate", "r", "DELETE", [bob]],
    ["roomUserUpdate", "r", "ADD", [dora]],
  ]);
  closePage(page);
});

test("without userUpdate no user is told", async () => {
  const page = openPage();
  const answer = page.gateway.answers.login!;
  page.gateway.answers.login = (frame) => ({ ...answer(frame), users: [ann] });
  await page.zg.loginRoom("r", "04token", { userID: "me" });
  await settle();
  assert.ok(!page.heard.some(([name]) => name === "roomUserUpdate"));
  closePage(page);
});

test("a refusal: LOGIN_FAILED with the code, then the promise rejects", async () => {
  const page = openPage();
  page.gateway.answers.login = () => page.gateway.refuse(1102018, "the token has expired");
  await assert.rejects(page.login(), { errorCode: 1102018, code: 1102018 });
  assert.deepEqual(reasons(page), ["LOGINING", "LOGIN_FAILED 1102018"]);
  closePage(page);
});

test("bad arguments reject with the vendor's code before anything is opened", async () => {
  const page = openPage();
  const user = { userID: "u" };
  const cases: [Promise<unknown>, number][] = [
    [page.zg.loginRoom("", "04t", user), 1002011],
    [page.zg.loginRoom("a b", "04t", user), 1002012],
    [page.zg.loginRoom("x".repeat(129), "04t", user), 1002013],
    [page.zg.loginRoom("r", "", user), 1102016],
    [page.zg.loginRoom("r", "nonsense", user), 1102016],
    [page.zg.loginRoom("r", "04t", {} as never), 1002005],
    [page.zg.loginRoom("r", "04t", undefined as never), 1002005],
    [page.zg.loginRoom("r", "04t", { userID: "u%" }), 1002006],
    [page.zg.loginRoom("r", "04t", { userID: "ü".repeat(33) }), 1002007],
    [page.zg.loginRoom("r", "04t", { userID: "u", userName: "n".repeat(257) }), 1002010],
  ];
  for (const [attempt, errorCode] of cases) await assert.rejects(attempt, { errorCode });
  const swapped = page.zg.loginRoom(`04${"A".repeat(200)}`, "room", user);
  await assert.rejects(swapped, /looks like a token/);
  assert.equal(page.gateway.sockets.length, 0);
  assert.deepEqual(page.heard, []);
  closePage(page);
});

test("a second login without logout is 1002001, one during a login 1102012", async () => {
  const page = openPage();
  const first = page.login();
  await assert.rejects(page.login(), { errorCode: 1102012 });
  await first;
  await assert.rejects(page.zg.loginRoom("other", "04t", { userID: "me" }), { errorCode: 1002001 });
  assert.deepEqual(reasons(page), ["LOGINING", "LOGINED"]);
  closePage(page);
});

test("several rooms need to be enabled, and one user", async () => {
  const page = openPage();
  assert.equal(page.zg.enableMultiRoom(true), true);
  await page.login();
  assert.equal(page.zg.enableMultiRoom(false), false);
  await assert.rejects(page.zg.loginRoom("r2", "04t", { userID: "other" }), { errorCode: 1002018 });
  await page.zg.loginRoom("r2", "04t", { userID: "me", userName: "Me" });
  assert.equal(page.gateway.sockets.length, 1, "over the same connection");
  assert.equal(page.gateway.socket.sent.at(-1)!.multiRoom, true);
  page.zg.logoutRoom("nowhere");
  assert.equal(reasons(page).at(-1), "LOGOUT_FAILED 1002002");
  closePage(page);
});

test("logoutRoom can be awaited, says LOGOUT and closes the connection", async () => {
  const page = openPage();
  await page.login();
  await page.zg.logoutRoom("r");
  assert.deepEqual(reasons(page), ["LOGINING", "LOGINED", "LOGOUT"]);
  assert.equal(page.gateway.socket.sent.at(-1)!.t, "logout");
  assert.ok(page.gateway.socket.closed);
  await page.login();
  assert.equal(page.gateway.sockets.length, 2);
  closePage(page);
});

test("logging in again without awaiting the logout works, in that order", async () => {
  const page = openPage();
  await page.login();
  page.zg.logoutRoom("r");
  assert.equal(await page.login(), true);
  assert.deepEqual(reasons(page), ["LOGINING", "LOGINED", "LOGOUT", "LOGINING", "LOGINED"]);
  closePage(page);
});

test("a login that is taken back is logged out when its answer comes, so that no ghost stays", async () => {
  const page = openPage();
  page.gateway.answers.login = () => undefined;
  const login = page.login();
  const refused = assert.rejects(login, { errorCode: 1100003 });
  await settle();
  const leaving = page.zg.logoutRoom("r");
  const [frame] = page.gateway.socket.sent;
  page.gateway.socket.say({ t: "res", id: frame!.id, ok: true, sessionID: "s", serverTime: 1, position: at(1), users: [], streams: [], extraInfo: [] });
  await refused;
  await leaving;
  assert.deepEqual(reasons(page), ["LOGINING", "LOGIN_FAILED 1100003"]);
  assert.deepEqual(page.gateway.socket.sent.map(({ t }) => t), ["login", "logout"]);
  assert.ok(page.gateway.socket.closed);
  closePage(page);
});

test("a login that nobody answers ends with 1002031", async () => {
  const page = openPage();
  page.gateway.open = false;
  const login = page.login();
  const refused = assert.rejects(login, { errorCode: 1002031, message: /ws:\/\/gw\/ws/ });
  await page.pass(10_000);
  await refused;
  assert.deepEqual(reasons(page), ["LOGINING", "LOGIN_FAILED 1002031"]);
  closePage(page);
});

test("servers are tried in turn, the next at once", async () => {
  const page = openPage(["ws://down/ws", "ws://up/ws"]);
  page.gateway.open = false;
  const login = page.login();
  page.gateway.socket.break();
  page.gateway.open = true;
  await page.pass(1);
  await login;
  assert.deepEqual(page.gateway.sockets.map(({ address }) => address), ["ws://down/ws", "ws://up/ws"]);
  closePage(page);
});

test("kicked: KICKOUT with code and reason, and the page can log in again", async () => {
  const page = openPage();
  await page.login();
  page.gateway.socket.say({ t: "end", roomID: "r", code: 1002055, reason: "too loud" });
  assert.deepEqual(page.heard.at(-1), ["roomStateChanged", "r", "KICKOUT", 1002055, "too loud"]);
  await page.login();
  assert.deepEqual(reasons(page).slice(-2), ["LOGINING", "LOGINED"]);
  closePage(page);
});

test("tokenWillExpire comes half a minute ahead, and renewToken puts it off", async () => {
  const page = openPage();
  const answer = page.gateway.answers.login!;
  page.gateway.answers.login = (frame) => ({ ...answer(frame), tokenExpiresIn: 100 });
  page.gateway.answers.renewToken = () => ({ tokenExpiresIn: 100 });
  await page.login();
  await page.pass(69_000);
  assert.equal(page.zg.renewToken("04next"), true);
  assert.equal(page.zg.renewToken("junk"), false);
  await page.pass(2_000);
  assert.ok(!page.heard.some(([name]) => name === "tokenWillExpire"));
  await page.pass(69_000);
  assert.deepEqual(page.heard.at(-1), ["tokenWillExpire", "r"]);
  closePage(page);
});
