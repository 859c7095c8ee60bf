/* The browser check, each answer in a sentence. */

const QUESTIONS = [
  ["webRTC", "Calls (WebRTC)", "this browser has no WebRTC"],
  ["camera", "Camera", "no camera was given to this page"],
  ["microphone", "Microphone", "no microphone was given to this page"],
  ["screenSharing", "Sharing the screen", "not in this browser, or not on this device"],
  ["customCapture", "Streams from other elements", "this browser has no captureStream"],
];

const NOT_NEEDED = "not needed here";

function row(id, name, good, remark) {
  const line = Object.assign(document.createElement("tr"), { id: `check-${id}` });
  const kind = good ? "good" : remark === NOT_NEEDED ? "" : "bad";
  const answer = Object.assign(document.createElement("span"), { className: `pill ${kind}`, textContent: good ? "yes" : "no" });
  const cells = [name, answer, good ? "" : remark].map((content) => {
    const cell = document.createElement("td");
    cell.append(content);
    return cell;
  });
  cells[2].className = "soft";
  line.append(...cells);
  return line;
}

async function check() {
  $("#check").disabled = true;
  const zg = new ZegoExpressEngine(0, "");
  const found = await zg.checkSystemRequirements();
  const why = (id, fallback) => found.errInfo[id]?.message || fallback;
  const secure = row("secure", "A secure page", isSecureContext, "open it by https:// or on localhost: browsers lend devices to no other pages");
  const lines = QUESTIONS.map(([id, name, fallback]) => row(id, name, found[id], why(id, fallback)));
  const codecs = Object.entries(found.videoCodec).map(([codec, good]) => row(codec, `Video as ${codec}`, good, codec === "H265" || codec === "VP9" ? NOT_NEEDED : "calls use the other codec"));
  $("#results").replaceChildren(secure, ...lines, ...codecs);
  $("#raw").textContent = JSON.stringify(found, null, 2);
  const ready = found.webRTC && (found.videoCodec.VP8 || found.videoCodec.H264);
  $("#state").textContent = ready ? "ready to call" : "cannot call";
  $("#state").className = `pill ${ready ? "good" : "bad"}`;
  $("#check").disabled = false;
}

$("#check").onclick = check;
if (query.has("check")) check();
