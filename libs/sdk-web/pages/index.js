/* What is running, asked of the server itself every three seconds; and an example that holds this server's own values. */

const EXAMPLE = (origin, appID, token) => `<!DOCTYPE html>
<meta charset="utf-8">
<script src="${origin}/sdk/ZegoExpressWebRTC-3.12.0.js"><\/script>
<div id="local-video"></div>
<div id="remote-video"></div>
<script>
const roomID = "lobby", userID = "me", token = "${token}"
const zg = new ZegoExpressEngine(${appID}, "")

zg.on("roomStreamUpdate", async (roomID, updateType, streamList) => {
  for (const { streamID } of streamList) {
    if (updateType === "DELETE") { zg.stopPlayingStream(streamID); continue }
    const remoteStream = await zg.startPlayingStream(streamID)
    zg.createRemoteStreamView(remoteStream).play("remote-video")
  }
})

zg.loginRoom(roomID, token, { userID }, { userUpdate: true }).then(async () => {
  const localStream = await zg.createZegoStream()
  localStream.playVideo(document.querySelector("#local-video"))
  zg.startPublishingStream(String(Date.now()), localStream)
})
<\/script>`;

/** The example with a token that works, where the server hands out tokens. */
async function example({ dev, appID }) {
  if (!dev) return EXAMPLE(location.origin, appID || 0, "a token that your own server made");
  const made = await credentials(appID, "", "lobby", "me").catch(() => ({ appID, token: "run: parlour token --user me" }));
  return EXAMPLE(location.origin, made.appID, made.token);
}

/** How a service stands: its word, and the class of its pill. */
function health({ healthy, replicas, missing }) {
  if (!healthy) return ["down", "bad"];
  return missing ? [`${replicas} of ${replicas + missing} up`, "bad"] : ["up", "good"];
}

function row(service) {
  const { name, replicas, missing } = service;
  const [word, kind] = health(service);
  const line = document.createElement("tr");
  const pill = Object.assign(document.createElement("span"), { className: `pill ${kind}`, textContent: word });
  const state = Object.assign(document.createElement("td"), { className: "num" });
  state.append(pill);
  const count = Object.assign(document.createElement("td"), { className: "num soft", textContent: replicas > 1 && !missing ? `${replicas} replicas` : "" });
  line.append(Object.assign(document.createElement("td"), { textContent: name }), count, state);
  return line;
}

/** Rooms come as a number or as a list. */
const count = (value) => String(Array.isArray(value) ? value.length : (value ?? 0));

async function refresh() {
  try {
    const status = await (await fetch("/v1/status")).json();
    const down = status.services.filter((service) => !service.healthy).map(({ name }) => name);
    const partly = status.services.filter((service) => service.healthy && service.missing).map(({ name }) => name);
    $("#state").textContent = down.length ? `down: ${down.join(", ")}` : partly.length ? `partly up: ${partly.join(", ")}` : "all services up";
    $("#state").className = `pill ${down.length + partly.length ? "bad" : "good"}`;
    $("#url").textContent = location.origin;
    $("#app-id").textContent = status.appID || "yours";
    $("#rooms").textContent = count(status.rooms);
    $("#connections").textContent = count(status.connections);
    $("#services").replaceChildren(...status.services.map(row));
    if (!$("#example").textContent) $("#example").textContent = await example(status);
  } catch (error) {
    $("#state").textContent = "no answer";
    $("#state").className = "pill bad";
  }
}

$("#copy").onclick = async () => {
  await navigator.clipboard.writeText($("#example").textContent);
  $("#copy").textContent = "Copied";
  setTimeout(() => ($("#copy").textContent = "Copy"), 1500);
};
refresh();
setInterval(refresh, 3000);
