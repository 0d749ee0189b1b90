import { type AccessUnit, Packetizer, type Track } from '@opennvr/rtsp';
import { SimulatedClock } from '@opennvr/service';
import { expect, test } from 'vitest';
import { Slicer } from '../src/tap/slicer.ts';
import type { StoredFrame } from '../src/types.ts';

/** What x264 writes for 320 by 180, baseline profile. */
const SPS = Buffer.from('6742c00bda05067e7c0440000003004000000503c50aa8', 'hex');
const PPS = Buffer.from('68ce0fc8', 'hex');
const track: Track = {
  index: 0,
  kind: 'video',
  codec: 'h264',
  payloadType: 96,
  clockRate: 90_000,
  channels: 0,
  control: '',
  fmtp: new Map(),
  parameterSets: { sps: SPS, pps: PPS },
};

/** A slicer on simulated time, fed with pictures of `bytes` bytes. */
function setUp(intervalMs: number, listen = true) {
  const clock = new SimulatedClock();
  const stored: number[] = [];
  const frames: StoredFrame[] = [];
  const reads: [at: number, everyMs: number][] = [];
  const start = clock.now();
  const slicer = new Slicer({
    cameraId: 'a',
    intervalMs,
    clock,
    store: {
      put(_id, _codec, _parts, captureTimeMs) {
        stored.push(captureTimeMs - start);
        return { number: captureTimeMs, uri: `uri ${captureTimeMs}` };
      },
    },
    readEvery: (ms) => reads.push([clock.monotonic(), ms]),
    listener: listen ? { onFrame: (frame) => frames.push(frame) } : undefined,
  });
  const packetizer = new Packetizer({ codec: 'h264', payloadType: 96, ssrc: 1, mtu: 1400 });
  const send = (bytes: number, keyframe = true) => {
    const slice = Buffer.concat([Buffer.from([keyframe ? 0x65 : 0x41, 0x88]), Buffer.alloc(bytes, 7)]);
    const nalUnits: AccessUnit['nalUnits'] = [slice];
    for (const packet of packetizer.packetize(nalUnits, clock.now() * 90)) {
      slicer.push(track, packet, 0, packet.length);
    }
  };
  slicer.begin([track]);
  return { clock, slicer, stored, frames, reads, send };
}

test('reads in gulps until shortly before the next keyframe is due', () => {
  const { clock, reads, send } = setUp(1000);
  clock.advance(40);
  reads.length = 0;
  send(20_000);
  const [[at, gulp] = []] = reads;
  expect(at).toBe(40);
  // 20 kB in 40 ms: what the kernel is asked to hold bounds the pause.
  expect(gulp).toBeGreaterThan(150);
  expect(gulp).toBeLessThanOrEqual(200);
  clock.advance(1000);
  expect(reads[1]).toEqual([40 + 900 - 30, 0]);
});

test('a keyframe that came early is not taken for the one that is due', () => {
  const { clock, stored, slicer, send } = setUp(1000);
  for (const step of [0, 400, 450, 60, 500, 500]) {
    clock.advance(step);
    send(5000);
  }
  expect(stored).toEqual([0, 910, 1910]);
  expect(slicer.counters()).toMatchObject({ keyframesSeen: 6, keyframesStored: 3 });
});

test('a fast camera is not made to wait: the kernel could not hold it', () => {
  const { clock, reads, send } = setUp(1000);
  clock.advance(10);
  send(400_000);
  clock.advance(500);
  expect(reads.filter(([, ms]) => ms !== 0)).toEqual([]);
});

test('every keyframe wanted: no gulps, and frames only for who listens', () => {
  const { clock, reads, stored, frames, send } = setUp(0, false);
  for (let n = 0; n < 5; n++) {
    send(5000);
    clock.advance(40);
  }
  expect(stored).toHaveLength(5);
  expect(reads.filter(([, ms]) => ms !== 0)).toEqual([]);
  expect(frames).toEqual([]);
});

test('a frame given on keeps its bytes while the memory is used again', () => {
  const { clock, frames, send } = setUp(0);
  send(5000);
  const before = frames[0]?.annexB.toString('hex');
  clock.advance(40);
  send(5000, false);
  clock.advance(40);
  send(4000);
  expect(frames[0]?.annexB.toString('hex')).toBe(before);
  expect(frames[0]).toMatchObject({ width: 320, height: 180, cameraId: 'a', codec: 'h264' });
});

test('counters outlive a session; pictures in between are not keyframes', () => {
  const { clock, slicer, send } = setUp(0);
  send(5000);
  send(500, false);
  slicer.end();
  slicer.begin([track]);
  clock.advance(40);
  send(5000);
  expect(slicer.counters()).toMatchObject({ keyframesSeen: 2, keyframesStored: 2, packetsLost: 0 });
});
