import { describe, expect, it, vi } from 'vitest';
import {
  type BoardMessage,
  type CameraSpec,
  type Engine,
  LeaseTable,
  MediaCore,
  STATE,
  StatusBoard,
} from '../src/index.ts';
import { camera, TestClock } from './fixtures.ts';

const OFFER = 'v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n';

function setUp(stored: CameraSpec[] = []) {
  const clock = new TestClock();
  const board = new StatusBoard(clock);
  const saved: CameraSpec[][] = [];
  const closed = vi.fn(async () => undefined);
  let hangUp: () => void = () => undefined;
  const engine: Engine = {
    apply: vi.fn(async (_cameras, change) => {
      for (const id of change.added) board.put(id);
    }),
    openLive: vi.fn(async (_id, _offer, onEnd) => {
      hangUp = onEnd;
      return { answerSdp: 'answer', close: closed };
    }),
    readUrl: (id) => ({ url: `rtsp://127.0.0.1/${id}`, username: 'u', password: 'p' }),
  };
  let ids = 0;
  const core = new MediaCore({
    clock,
    board,
    engine,
    newId: () => `s${ids++}`,
    store: {
      load: async () => stored,
      // As slow as a disk: what does not wait for it is seen.
      save: async (cameras) => {
        await new Promise((resolve) => setImmediate(resolve));
        saved.push([...cameras]);
      },
    },
    onError: () => expect.unreachable(),
  });
  return { clock, board, engine, core, saved, closed, hangUp: () => hangUp() };
}

class Sink {
  messages: BoardMessage[] = [];
  full = false;
  #listeners: [string, () => void][] = [];

  write(message: BoardMessage): boolean {
    this.messages.push(message);
    return !this.full;
  }

  on(event: string, fn: () => void): void {
    this.#listeners.push([event, fn]);
  }

  emit(event: string): void {
    for (const [name, fn] of this.#listeners) if (name === event) fn();
  }

  end(): void {
    this.emit('close');
  }
}

describe('MediaCore', () => {
  it('restores the stored set and then applies only differences', async () => {
    const { core, engine, saved } = setUp([camera()]);
    expect(await core.restore()).toBe(1);
    expect(await core.applyCameras({ cameras: [camera()] })).toEqual({ added: [], changed: [], removed: [] });
    expect(engine.apply).toHaveBeenCalledTimes(1);
    expect(saved).toHaveLength(0);
    await core.applyCameras({ cameras: [camera({ record: false }), camera({ id: 'b' })] });
    expect(engine.apply).toHaveBeenLastCalledWith(expect.anything(), {
      added: ['b'],
      changed: ['door'],
      removed: [],
    });
  });

  it('saves before the engine is told, and applies nothing of a set with one bad camera', async () => {
    const { core, engine, saved } = setUp();
    vi.mocked(engine.apply).mockImplementation(async () => expect(saved).toHaveLength(1));
    await core.applyCameras({ cameras: [camera()] });
    await expect(core.applyCameras({ cameras: [camera({ id: 'b' }), camera({ id: '!' })] })).rejects.toThrow(
      'cameras[1].id',
    );
    expect(engine.apply).toHaveBeenCalledTimes(1);
    expect(saved).toHaveLength(1);
  });

  it('opens live sessions only for cameras that are online, and hands on no candidates', async () => {
    const { core, engine, board } = setUp([camera()]);
    await core.restore();
    const open = () =>
      core.openLive({
        cameraId: 'door',
        offerSdp: `${OFFER}a=candidate:1 1 udp 1 6.6.6.6 1 typ host`,
        leaseSeconds: 5,
      });
    await expect(open()).rejects.toMatchObject({ code: 14 });
    board.update('door', { state: STATE.online });
    expect(await open()).toMatchObject({ sessionId: 's0', answerSdp: 'answer' });
    expect(vi.mocked(engine.openLive).mock.lastCall?.[1]).not.toContain('6.6.6.6');
    await expect(core.openLive({ cameraId: 'x', offerSdp: OFFER, leaseSeconds: 5 })).rejects.toMatchObject({
      code: 5,
    });
    await expect(core.openLive({ cameraId: 'door', offerSdp: OFFER, leaseSeconds: 4 })).rejects.toThrow(
      'lease_seconds',
    );
  });

  it('closes a session when its lease runs out, not before, and only once', async () => {
    const { core, board, clock, closed } = setUp([camera()]);
    await core.restore();
    board.update('door', { state: STATE.online });
    const { sessionId } = await core.openLive({ cameraId: 'door', offerSdp: OFFER, leaseSeconds: 10 });
    clock.advance(9000);
    expect(core.renewLive({ sessionId, leaseSeconds: 10 }).expires.seconds).toBe(clock.now() / 1000 + 10);
    clock.advance(9999);
    expect(closed).not.toHaveBeenCalled();
    clock.advance(1);
    expect(closed).toHaveBeenCalledTimes(1);
    expect(() => core.renewLive({ sessionId, leaseSeconds: 10 })).toThrow(
      expect.objectContaining({ code: 5 }),
    );
    core.closeLive({ sessionId });
    expect(closed).toHaveBeenCalledTimes(1);
  });

  it('ends the lease of a session that ended by itself', async () => {
    const { core, board, hangUp } = setUp([camera()]);
    await core.restore();
    board.update('door', { state: STATE.online });
    const { sessionId } = await core.openLive({ cameraId: 'door', offerSdp: OFFER, leaseSeconds: 0 });
    hangUp();
    expect(() => core.renewLive({ sessionId, leaseSeconds: 0 })).toThrow(
      expect.objectContaining({ code: 5 }),
    );
  });
});

describe('LeaseTable', () => {
  it('refuses more than its limit and takes another once one has ended', () => {
    let ids = 0;
    const table = new LeaseTable(new TestClock(), () => String(ids++), 2);
    const { id } = table.open(0, () => undefined);
    table.open(0, () => undefined);
    expect(() => table.open(0, () => undefined)).toThrow(expect.objectContaining({ code: 8 }));
    table.end(id);
    table.open(0, () => undefined);
    table.endAll();
    expect(table.size).toBe(0);
  });
});

describe('StatusBoard', () => {
  it('sends a snapshot, then each change at once; counters at most once a second', () => {
    const clock = new TestClock();
    const board = new StatusBoard(clock);
    board.put('a');
    const sink = new Sink();
    board.stream(sink);
    expect(sink.messages).toMatchObject([
      { snapshot: true, cameras: [{ id: 'a', state: STATE.connecting }] },
    ]);
    clock.advance(5000);
    board.update('a', { state: STATE.online });
    expect(sink.messages[1]?.cameras[0]?.since?.seconds).toBe(clock.now() / 1000);
    for (let i = 1; i <= 100; i++) board.update('a', { bytesReceived: i });
    expect(sink.messages).toHaveLength(2);
    clock.advance(1000);
    expect(sink.messages[2]?.cameras[0]?.bytesReceived).toBe(100);
    board.remove('a');
    expect(sink.messages[3]).toEqual({ snapshot: false, cameras: [], removedIds: ['a'] });
    board.update('a', { recording: true });
    expect(sink.messages).toHaveLength(4);
  });

  it('gives a slow watcher the latest state only', () => {
    const board = new StatusBoard(new TestClock());
    const sink = new Sink();
    sink.full = true;
    board.stream(sink);
    board.put('a');
    for (let i = 0; i < 1000; i++) board.update('a', { detail: String(i) });
    expect(sink.messages).toHaveLength(1);
    sink.emit('drain');
    expect(sink.messages[1]?.cameras).toMatchObject([{ detail: '999' }]);
    sink.emit('cancelled');
    sink.emit('drain');
    board.update('a', { detail: 'unseen' });
    expect(sink.messages).toHaveLength(2);
  });
});
