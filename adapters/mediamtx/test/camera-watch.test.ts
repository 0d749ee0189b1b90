import { REASON, STATE } from '@opennvr/media';
import { describe, expect, it } from 'vitest';
import { CameraWatch } from '../src/camera-watch.ts';
import type { PathState } from '../src/control-api.ts';
import { planned } from './support/planned.ts';

const tracks = [{ codec: 'h264', width: 640, height: 360 }];
const online = (bytes: number): PathState => ({ online: true, tracks, bytes });
const offline: PathState = { online: false, tracks: [], bytes: 0 };
const refused = { ok: false, code: 'unreachable', message: 'nobody answers' } as const;
const answers = { ok: true, tracks } as const;

describe('a camera over time', () => {
  it('connects, comes online, stalls and comes back', () => {
    const watch = new CameraWatch(planned(), true, 0);
    expect(watch.status(0).state).toBe(STATE.connecting);
    expect(watch.polled(offline, false, 1000)).toBe(false);
    expect(watch.polled(online(100), false, 2000)).toBe(true);
    expect(watch.polled(online(200), true, 3000)).toBe(false);
    expect(watch.status(3000)).toEqual({
      state: STATE.online,
      reason: REASON.none,
      detail: '',
      tracks,
      recording: true,
      bytesReceived: 200,
    });
    watch.polled(online(200), true, 8000);
    expect(watch.status(8000)).toMatchObject({ state: STATE.failed, reason: REASON.stalled });
    watch.polled(online(201), true, 9000);
    expect(watch.status(9000).state).toBe(STATE.online);
  });

  it('a camera with no video we know has failed, whatever MediaMTX does with it', () => {
    const watch = new CameraWatch(planned(), true, 0);
    const jpeg = [{ codec: 'm-jpeg', width: 0, height: 0 }];
    watch.polled({ online: true, tracks: jpeg, bytes: 1 }, true, 1000);
    expect(watch.status(1000)).toMatchObject({ state: STATE.failed, reason: REASON.unsupportedCodec });
  });

  it('counts bytes over connections', () => {
    const watch = new CameraWatch(planned(), true, 0);
    for (const state of [online(100), offline, online(30), online(50), online(20)])
      watch.polled(state, false, 0);
    expect(watch.status(0).bytesReceived).toBe(100 + 50 + 20);
  });

  it('says that a working session ended, then why it does not come back', () => {
    const watch = new CameraWatch(planned(), true, 0);
    watch.polled(online(1), false, 1000);
    expect(watch.probeDue(1000)).toBe(false);
    watch.polled(offline, false, 2000);
    expect(watch.status(2000)).toMatchObject({
      state: STATE.failed,
      reason: REASON.disconnected,
      recording: false,
    });
    expect(watch.probeDue(2000)).toBe(true);
    watch.answered(refused, 2100, 0.5);
    expect(watch.status(2100)).toMatchObject({ reason: REASON.unreachable, detail: 'nobody answers' });
    expect(watch.probeDue(2200)).toBe(false);
  });

  it('asks less and less often, and never less than once in a good minute', () => {
    const watch = new CameraWatch(planned(), true, 0);
    const pauses: number[] = [];
    let now = 0;
    for (let i = 0; i < 10; i++) {
      watch.answered(refused, now, 0.5);
      const asked = now;
      while (!watch.probeDue(now)) now += 100;
      pauses.push(now - asked);
    }
    expect(pauses).toEqual([2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000, 60_000]);
  });

  it('a camera that answers us but not MediaMTX has failed, with what MediaMTX said', () => {
    const watch = new CameraWatch(planned({ transport: 1 }), true, 0);
    watch.answered(answers, 1000, 0);
    expect(watch.status(5000).state).toBe(STATE.connecting);
    watch.complained('invalid SDP');
    expect(watch.status(12_000)).toMatchObject({ reason: REASON.protocol, detail: 'invalid SDP' });
    watch.complained('no medias have been setupped');
    expect(watch.status(12_000).reason).toBe(REASON.unsupportedCodec);
    expect(watch.wantsOtherTransport(20_000)).toBe(false);
  });

  it('the other transport is tried at once when the camera refuses one, and after a while when it is silent', () => {
    const watch = new CameraWatch(planned(), true, 0);
    watch.complained('bad status code: 461 (Unsupported Transport)');
    expect(watch.wantsOtherTransport(1)).toBe(false);
    watch.answered(answers, 1, 0);
    expect(watch.wantsOtherTransport(1)).toBe(true);
    watch.replan(planned({ via: 'udp' }), 100);
    expect(watch.wantsOtherTransport(12_000)).toBe(false);
    expect(watch.wantsOtherTransport(12_100)).toBe(true);
    watch.polled(online(1), false, 12_200);
    expect(watch.wantsOtherTransport(99_000)).toBe(false);
    const secure = new CameraWatch(planned({ tlsFingerprint: 'ab'.repeat(32) }), true, 0);
    secure.answered(answers, 1, 0);
    expect(secure.wantsOtherTransport(99_000)).toBe(false);
  });

  it('blames the engine while that is down, and nobody afterwards', () => {
    const watch = new CameraWatch(planned(), true, 0);
    watch.polled(online(1), true, 1000);
    watch.engineDown(2000);
    expect(watch.status(2000)).toMatchObject({
      state: STATE.failed,
      reason: REASON.engine,
      recording: false,
    });
    watch.polled(offline, false, 3000);
    expect(watch.status(3000).state).toBe(STATE.connecting);
  });

  it('one that is held back says so', () => {
    const watch = new CameraWatch(planned({ held: 'redirects' }), true, 0);
    expect(watch.status(0)).toMatchObject({ state: STATE.failed, reason: REASON.redirected });
    watch.answered({ ok: false, code: 'redirected', message: 'points to 10.0.0.9' }, 1, 0);
    expect(watch.status(1).detail).toBe('points to 10.0.0.9');
    expect(watch.wantsOtherTransport(60_000)).toBe(false);
  });

  it('tracks that had to be read elsewhere are read again every half minute', () => {
    const watch = new CameraWatch(planned(), true, 0);
    expect(watch.learnDue(0)).toBe(false);
    watch.polled(online(1), false, 1000);
    expect(watch.learnDue(1000)).toBe(true);
    expect(watch.learnDue(1000)).toBe(false);
    expect(watch.status(3999).state).toBe(STATE.connecting);
    expect(watch.status(4000).state).toBe(STATE.online);
    watch.learned([{ codec: 'h264', width: 0, height: 0 }], 1100);
    expect(watch.learnDue(3000)).toBe(true);
    watch.learned([{ codec: 'h264', width: 1920, height: 1080 }], 3000);
    expect(watch.status(3000).tracks[0]?.width).toBe(1920);
    expect(watch.learnDue(32_000)).toBe(false);
    expect(watch.learnDue(33_000)).toBe(true);
  });
});
