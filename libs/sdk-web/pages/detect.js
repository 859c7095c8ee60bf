/** The browser check, each answer in a sentence. */
import { box, button, opened, pill, showState, tableRow } from "./page.js";

/** @type {["webRTC" | "camera" | "microphone" | "screenSharing" | "customCapture", string, string][]} */
const QUESTIONS = [
  ["webRTC", "Calls (WebRTC)", "this browser has no WebRTC"],
  ["camera", "Camera", "no camera was given to this page"],
  ["microphone", "Microphone", "no microphone was given to this page"],
  ["screenSharing", "Sharing the screen", "not in this browser, or not on this device"],
  ["customCapture", "Streams from other elements", "this browser has no captureStream"],
];
const NOT_NEEDED = "not needed here";

/** @param {string} id @param {string} name @param {boolean | undefined} good @param {string} remark */
function row(id, name, good, remark) {
  const kind = good ? "good" : remark === NOT_NEEDED ? "" : "bad";
  return tableRow({ id: `check-${id}` }, ["", name], ["", pill(kind, good ? "yes" : "no")], ["soft", good ? "" : remark]);
}

async function check() {
  button("check").disabled = true;
  const found = await new ZegoExpressEngine(0, "").checkSystemRequirements();
  const { videoCodec } = found;
  const reasons = /** @type {Record<string, { message?: string } | undefined>} */ (found.errInfo);
  const secure = row("secure", "A secure page", isSecureContext, "open it by https:// or on localhost: browsers lend devices to no other pages");
  const lines = QUESTIONS.map(([id, name, fallback]) => row(id, name, found[id], reasons[id]?.message || fallback));
  const codecs = Object.entries(videoCodec ?? {}).map(([codec, good]) => row(codec, `Video as ${codec}`, good, codec === "H265" || codec === "VP9" ? NOT_NEEDED : "calls use the other codec"));
  box("results").replaceChildren(secure, ...lines, ...codecs);
  box("raw").textContent = JSON.stringify(found, null, 2);
  const ready = found.webRTC && (videoCodec?.VP8 || videoCodec?.H264);
  showState(ready ? "ready to call" : "cannot call", ready ? "good" : "bad");
  button("check").disabled = false;
}

button("check").onclick = check;
if (opened().query.has("check")) check();
