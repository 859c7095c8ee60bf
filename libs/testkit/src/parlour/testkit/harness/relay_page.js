// What a page does with a relay: one transport to publish, one to play. `negotiate` is the test's.
const relay = {};

class Transport {
  constructor() {
    this.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    this.id = "";
    this.times = {};
    this.pc.addEventListener("connectionstatechange", () => {
      if (this.pc.connectionState === "connected" && !this.times.connected) this.times.connected = performance.now();
    });
  }

  async offer(wish) {
    this.times.offer ??= performance.now();
    await this.pc.setLocalDescription(await this.pc.createOffer());
    const mids = wish.of ? wish.of.map((t) => (t ? t.mid : "")) : ["", ""];
    const text = JSON.stringify({
      sdp: this.pc.localDescription.sdp,
      transport: this.id,
      publish: wish.publish && [wish.publish, ...mids],
      play: wish.play && [wish.play, ...mids],
      codec: wish.codec || "",
    });
    const answer = await negotiate(text);
    this.id = answer.transport;
    this.times.answer ??= performance.now();
    await this.pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    return answer.sdp;
  }

  async connected() {
    while (this.pc.connectionState !== "connected") {
      if (["failed", "closed"].includes(this.pc.connectionState)) throw new Error(this.pc.connectionState);
      await new Promise((done) => setTimeout(done, 5));
    }
    return this.times.connected - this.times.answer;
  }

  async inbound(kind, transceiver) {
    const stats = await (transceiver ? transceiver.receiver : this.pc).getStats();
    return [...stats.values()].filter((s) => s.type === "inbound-rtp" && s.kind === kind)[0] || {};
  }

  async outbound(kind) {
    const stats = await this.pc.getStats();
    return [...stats.values()].filter((s) => s.type === "outbound-rtp" && s.kind === kind)[0] || {};
  }
}

relay.capture = () => navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 480 } });

relay.publish = async (stream, { codec = "", media = null } = {}) => {
  media ??= await relay.capture();
  relay.publisher ??= new Transport();
  const of = [...media.getAudioTracks(), ...media.getVideoTracks()].map((track) =>
    relay.publisher.pc.addTransceiver(track, { direction: "sendonly", streams: [media] }),
  );
  await relay.publisher.offer({ publish: stream, of, codec });
  relay.published = { ...relay.published, [stream]: of };
  return relay.publisher.id;
};

relay.play = async (stream) => {
  relay.player ??= new Transport();
  const began = performance.now();
  const of = ["audio", "video"].map((kind) => relay.player.pc.addTransceiver(kind, { direction: "recvonly" }));
  await relay.player.offer({ play: stream, of });
  const view = document.body.appendChild(document.createElement("video"));
  view.muted = true;
  view.autoplay = true;
  view.srcObject = new MediaStream(of.map((t) => t.receiver.track));
  const played = { of, view, began };
  view.requestVideoFrameCallback(() => (played.firstFrame = performance.now() - began));
  relay.played = { ...relay.played, [stream]: played };
  return relay.player.id;
};

relay.frames = async (stream) => (await relay.player.inbound("video", relay.played[stream].of[1])).framesDecoded || 0;
relay.samples = async (stream) =>
  (await relay.player.inbound("audio", relay.played[stream].of[0])).totalSamplesReceived || 0;

relay.until = async (check, withinMs = 30000) => {
  const end = performance.now() + withinMs;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (performance.now() > end) throw new Error(`never: ${check}`);
    await new Promise((done) => setTimeout(done, 20));
  }
};

// The longest time without a new picture of a stream, from now on for so long.
relay.longestGap = (stream, forMs) =>
  new Promise((done) => {
    const { view } = relay.played[stream];
    let last = performance.now();
    let longest = 0;
    const gap = () => (longest = Math.max(longest, performance.now() - last));
    const frame = () => {
      gap();
      last = performance.now();
      view.requestVideoFrameCallback(frame);
    };
    view.requestVideoFrameCallback(frame);
    setTimeout(() => done(gap()), forMs);
  });
