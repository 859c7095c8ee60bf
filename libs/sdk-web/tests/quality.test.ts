import assert from "node:assert/strict";
import { test } from "node:test";
import { grade, playStats, publishStats, type Reading, readReport } from "../src/quality/measure";

function stats(...entries: object[]): RTCStatsReport {
  return new Map(entries.map((entry) => [(entry as { id: string }).id, entry])) as unknown as RTCStatsReport;
}

function reading(report: RTCStatsReport): Reading {
  const read = readReport(report);
  const [audio, video] = [read.line("0"), read.line("1")];
  return { ...(audio ? { audio } : {}), ...(video ? { video } : {}), rtt: read.rtt, atMs: 0, muted: { audio: false, video: false } };
}

function sending(timestamp: number, bytesSent: number, framesSent: number): RTCStatsReport {
  return stats(
    { id: "v", type: "outbound-rtp", kind: "video", mid: "1", timestamp, bytesSent, packetsSent: bytesSent / 1000, framesSent, frameWidth: 640, frameHeight: 480, codecId: "c", remoteId: "r", mediaSourceId: "m", powerEfficientEncoder: false },
    { id: "r", type: "remote-inbound-rtp", packetsLost: 5 },
    { id: "c", type: "codec", mimeType: "video/VP8" },
    { id: "m", type: "media-source", framesPerSecond: 15 },
    { id: "p", type: "candidate-pair", nominated: true, state: "succeeded", currentRoundTripTime: 0.0305 },
  );
}

test("publishing: rates from two readings, everything else as it stands", () => {
  const { video, audio, rtt } = publishStats(reading(sending(4_000, 475_000, 45)), reading(sending(1_000, 100_000, 0)));
  assert.equal(rtt, 31);
  assert.deepEqual(video, {
    frameWidth: 640, frameHeight: 480, googCodecName: "VP8", muteState: "0", videoBitrate: 1000, videoFPS: 15, videoTransferFPS: 15,
    videoPacketsLost: 5, videoPacketsLostRate: 0, videoQuality: 0, isHardwareEncode: false,
  });
  assert.deepEqual([audio.audioBitrate, audio.muteState, audio.audioQuality], [0, "1", -1]);
});

function receiving(timestamp: number, packets: number, lost: number): RTCStatsReport {
  return stats(
    { id: "a", type: "inbound-rtp", kind: "audio", mid: "0", timestamp, bytesReceived: packets * 100, packetsReceived: packets, packetsLost: lost, jitter: 0.004, audioLevel: 0.5, totalSamplesReceived: timestamp * 48, concealedSamples: 4_800, jitterBufferDelay: timestamp * 1.2, jitterBufferEmittedCount: timestamp * 48, codecId: "c" },
    { id: "c", type: "codec", mimeType: "audio/opus", clockRate: 48_000 },
    { id: "p", type: "candidate-pair", nominated: true, state: "succeeded", currentRoundTripTime: 0.02 },
  );
}

test("playing: loss, jitter, delay and breaks", () => {
  const { audio, peerToPeerDelay, peerToPeerPacketLostRate } = playStats(reading(receiving(4_000, 190, 10)), reading(receiving(1_000, 50, 0)));
  assert.equal(audio.audioCodec, "opus");
  assert.equal(audio.audioPacketsLost, 10);
  assert.equal(audio.audioPacketsLostRate, 0.0667);
  assert.equal(audio.audioJitter, 4);
  assert.equal(audio.audioLevel, 50);
  assert.equal(audio.audioSamplingRate, 48_000);
  assert.equal(audio.audioCumulativeBreakTime, 100);
  assert.equal(audio.audioQuality, 2);
  assert.equal(peerToPeerPacketLostRate, 0.0667);
  assert.equal(peerToPeerDelay, 35);
});

test("a counter that went back starts anew", () => {
  const { video } = publishStats(reading(sending(4_000, 100, 1)), reading(sending(1_000, 900_000, 90)));
  assert.equal(video.videoBitrate, 0);
});

test("grades: unknown without packets, worse by loss or by time", () => {
  assert.deepEqual([grade(false, 0, 0), grade(true, 0, 0), grade(true, 0.02, 0), grade(true, 0.5, 0), grade(true, 0, 300), grade(true, 0, 2_000)], [-1, 0, 1, 4, 2, 4]);
});

test("a recycled m-line counts by the stream that it carries now", () => {
  const report = readReport(stats(
    { id: "old", type: "inbound-rtp", mid: "1", timestamp: 9, bytesReceived: 5, lastPacketReceivedTimestamp: 100 },
    { id: "new", type: "inbound-rtp", mid: "1", timestamp: 9, bytesReceived: 1, lastPacketReceivedTimestamp: 900 },
  ));
  assert.equal(report.line("1")!.bytes, 1);
  assert.equal(report.line("7"), undefined);
  assert.equal(report.line(null), undefined);
});
