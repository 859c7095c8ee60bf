/** What the first page says of the server's status. */

/** @typedef {{ name: string, healthy: boolean, replicas: number, missing: number }} Service */
/** @typedef {["good" | "bad", string]} Health the kind of pill and its text */

/** @param {Service} service @returns {Health} */
export function serviceHealth({ healthy, replicas, missing }) {
  if (!healthy) return ["bad", "down"];
  return missing ? ["bad", `${replicas} of ${replicas + missing} up`] : ["good", "up"];
}

/** @param {Service[]} services @returns {Health} */
export function suiteHealth(services) {
  const down = services.filter(({ healthy }) => !healthy).map(({ name }) => name);
  const partly = services.filter(({ healthy, missing }) => healthy && missing).map(({ name }) => name);
  if (down.length) return ["bad", `down: ${down.join(", ")}`];
  return partly.length ? ["bad", `partly up: ${partly.join(", ")}`] : ["good", "all services up"];
}

/** Rooms and connections come as a number or as a list. @param {number | unknown[] | undefined} value */
export const countText = (value) => String(Array.isArray(value) ? value.length : (value ?? 0));

/** A whole call in one page, with the values of this server. @param {string} origin @param {number} appID @param {string} token */
export const examplePage = (origin, appID, token) => `<!DOCTYPE html>
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
