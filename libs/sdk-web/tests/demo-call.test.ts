import assert from "node:assert/strict";
import { test } from "node:test";
import { DemoCall, END_TEXTS, openDevices, peopleText, updatePeople } from "../pages/demo/call.js";
import { settle } from "./fake-gateway";
import { FakeStream, FakeTrack } from "./page";

type Handler = (...args: unknown[]) => unknown;

/** An engine that grants everything; devices open when `devices` resolves. */
function fakeEngine(devices: Promise<void> = Promise.resolve()) {
  const handlers: [string, Handler][] = [];
  const calls: string[] = [];
  const tracks = [new FakeTrack("audio"), new FakeTrack("video")];
  const note = (name: string) => async (argument?: unknown) => void calls.push(typeof argument === "string" ? `${name} ${argument}` : name);
  const engine = {
    on: (name: string, handler: Handler) => handlers.push([name, handler]),
    loginRoom: note("login"), logoutRoom: note("logout"), destroyEngine: note("destroy"),
    createZegoStream: () => devices.then(() => ({ stream: new FakeStream(tracks) })),
    startPublishingStream: () => calls.push("publish"),
    stopPublishingStream: () => calls.push("unpublish"),
    startPlayingStream: note("play"), stopPlayingStream: note("stop"),
  };
  const emit = (event: string, ...args: unknown[]) => handlers.forEach(([name, handler]) => name === event && handler(...args));
  return { engine: engine as never, calls, tracks, emit };
}

function fakePage() {
  const shown: string[] = [];
  const show = (name: string) => (...args: unknown[]) => void shown.push([name, ...args.filter((each) => typeof each !== "object")].join(" "));
  const page = {
    captures: [{ audio: true, video: true }], prepare: show("prepare"), setInRoom: show("inside"), showLocal: () => void shown.push("local"),
    showRemote: (_streamID: string, name: string) => () => void shown.push(`remote ${name}`), removeRemote: show("remove"),
    offerMutes: () => void shown.push("mutes"), notify: show("notify"), showError: show("error"), logLine: show("log"),
  };
  return { page, shown };
}

const LOGIN = { roomID: "r", userID: "ann", token: "04t" };

test("a demo call logs in, shows and publishes what was opened, and plays what others publish", async () => {
  const [{ engine, calls, emit }, { page, shown }] = [fakeEngine(), fakePage()];
  const call = new DemoCall(page);
  await call.join(engine, LOGIN);
  emit("roomStreamUpdate", "r", "ADD", [{ streamID: "s1", user: { userID: "bob", userName: "" } }]);
  await settle();
  emit("roomStreamUpdate", "r", "DELETE", [{ streamID: "s1", user: { userID: "bob" } }]);
  assert.deepEqual(calls, ["login r", "publish", "play s1", "stop s1"]);
  assert.deepEqual(shown, ["prepare", "inside true", "local", "mutes", "remote bob", "remove s1"]);
  await call.leave();
  assert.deepEqual(calls.slice(4), ["unpublish", "logout r", "destroy"]);
  assert.equal(shown.at(-1), "inside false");
});

test("who is put out is told why, and the engine is released once", async () => {
  const [{ engine, calls, emit }, { page, shown }] = [fakeEngine(), fakePage()];
  const call = new DemoCall(page);
  await call.join(engine, LOGIN);
  emit("roomStateChanged", "r", "KICKOUT", 1002055, "");
  assert.deepEqual(shown.slice(-2), [`notify ${END_TEXTS.KICKOUT}`, "inside false"]);
  emit("roomStateChanged", "r", "LOGOUT", 0, "");
  assert.deepEqual(calls.filter((name) => name === "destroy"), ["destroy"]);
  assert.equal(call.engine, undefined);
});

test("devices that open after the stay has ended are stopped and not published", async () => {
  let open!: () => void;
  const [{ engine, calls, tracks }, { page }] = [fakeEngine(new Promise((resolve) => (open = resolve))), fakePage()];
  const call = new DemoCall(page);
  const joining = call.join(engine, LOGIN);
  await settle();
  call.release(engine);
  open();
  await joining;
  assert.deepEqual(tracks.map(({ readyState }) => readyState), ["ended", "ended"]);
  assert.ok(!calls.includes("publish"));
});

test("the first capture that there are devices for is opened; who said no is not asked again", async () => {
  const opened = async (refusals: object[]) => {
    const asked: object[] = [];
    const notes: string[] = [];
    const createZegoStream = async ({ camera }: { camera: object }) => {
      asked.push(camera);
      const refusal = refusals.shift();
      if (refusal) throw refusal;
      return camera;
    };
    const captures = [{ audio: true, video: true }, { audio: true, video: false }, { audio: false, video: true }];
    const stream = await openDevices({ createZegoStream } as never, { captures, notify: (text) => void notes.push(text), logLine: () => undefined });
    return { stream, asked: asked.length, notes: notes.join() };
  };
  assert.deepEqual(await opened([]), { stream: { audio: true, video: true }, asked: 1, notes: "" });
  assert.match((await opened([{ code: 1103061 }])).notes, /^No camera was found/);
  assert.match((await opened([{}, {}])).notes, /^No microphone was found/);
  const denied = await opened([{ code: 1103064 }]);
  assert.deepEqual([denied.stream, denied.asked], [undefined, 1]);
  assert.match(denied.notes, /^You watch and listen/);
});

test("people are listed by their names, each once", () => {
  const people = updatePeople(new Map(), "ADD", [{ userID: "a", userName: "Ann" }, { userID: "b" }, { userID: "a", userName: "Ann" }]);
  assert.equal(peopleText(people), "you and Ann, b");
  assert.equal(peopleText(updatePeople(people, "DELETE", [{ userID: "a" }, { userID: "b" }])), "you alone");
});
