// A WHIP publisher of a browser's own means that restarts ICE by PATCH (RFC 9725): `start`, `restart`, and how it stands.
window.whip = {
  async start(url, token) {
    this.url = url;
    this.headers = {Authorization: `Bearer ${token}`};
    this.peer = new RTCPeerConnection({bundlePolicy: 'max-bundle'});
    const media = await navigator.mediaDevices.getUserMedia({audio: true, video: {width: 320, height: 240}});
    for (const track of media.getTracks()) this.peer.addTransceiver(track, {direction: 'sendonly', streams: [media]});
    await this.peer.setLocalDescription();
    await this.gathered();
    const made = await fetch(url, {
      method: 'POST', headers: {...this.headers, 'Content-Type': 'application/sdp'}, body: this.peer.localDescription.sdp,
    });
    if (made.status !== 201) throw new Error(`POST: ${made.status} ${await made.text()}`);
    this.resource = new URL(made.headers.get('Location'), url);
    this.tag = made.headers.get('ETag');
    await this.peer.setRemoteDescription({type: 'answer', sdp: await made.text()});
  },
  async restart() {
    const answer = this.peer.remoteDescription.sdp;
    this.peer.restartIce();
    await this.peer.setLocalDescription();
    await this.gathered();
    const wanted = /^a=(ice-ufrag|ice-pwd|candidate|mid|group|end-of)|^m=/;
    const fragment = this.peer.localDescription.sdp.split('\r\n').filter(line => wanted.test(line)).join('\r\n') + '\r\n';
    const done = await fetch(this.resource, {
      method: 'PATCH',
      headers: {...this.headers, 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': this.tag},
      body: fragment,
    });
    if (done.status !== 200) throw new Error(`PATCH: ${done.status} ${await done.text()}`);
    const theirs = await done.text();
    const of = name => theirs.match(new RegExp(`^a=${name}:(.*?)\\r?$`, 'm'))[1];
    const sdp = answer.replace(/a=ice-ufrag:.*/g, `a=ice-ufrag:${of('ice-ufrag')}`).replace(/a=ice-pwd:.*/g, `a=ice-pwd:${of('ice-pwd')}`);
    await this.peer.setRemoteDescription({type: 'answer', sdp});
    return {before: this.ufrag(answer), after: of('ice-ufrag')};
  },
  gathered() {
    const peer = this.peer;
    if (peer.iceGatheringState === 'complete') return undefined;
    return new Promise(resolve => peer.addEventListener('icegatheringstatechange', () => {
      if (peer.iceGatheringState === 'complete') resolve();
    }));
  },
  ufrag(sdp) { return sdp.match(/a=ice-ufrag:(\S+)/)[1]; },
  async sends() { // over a pair with the credentials of now
    const own = this.ufrag(this.peer.localDescription.sdp);
    const stats = await this.peer.getStats();
    let pair;
    stats.forEach(s => { if (s.type === 'transport') pair = stats.get(s.selectedCandidatePairId); });
    const local = pair && stats.get(pair.localCandidateId);
    return local && local.usernameFragment === own && pair.state === 'succeeded' ? pair.packetsSent : 0;
  },
};
