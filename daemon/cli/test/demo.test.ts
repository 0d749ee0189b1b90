import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WatchStatusResponse } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import { afterAll, describe, expect, it } from 'vitest';
import { DEMO_USAGE, parseDemoArguments } from '../src/demo/arguments.ts';
import { loadCredentials } from '../src/demo/credentials.ts';
import { planSimulatedCameras } from '../src/demo/settings-files.ts';
import { SimcamLink } from '../src/demo/simcam-link.ts';
import { buildReport, type DemoCamera, type DemoState, verdict } from '../src/demo/state.ts';
import { Display, renderLine, renderTable } from '../src/demo/table.ts';
import { StatusTotals } from '../src/demo/totals.ts';
import { CliError } from '../src/exit.ts';
import { Recording } from '../src/footage/recording.ts';

const folder = mkdtempSync(join(tmpdir(), 'opennvr-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function refusal(run: () => unknown): CliError {
  try {
    run();
  } catch (error) {
    if (error instanceof CliError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

describe('arguments of the demo', () => {
  it('have defaults: two simulated cameras until Ctrl-C', () => {
    expect(parseDemoArguments([])).toMatchObject({
      simulated: 2,
      cameras: [],
      forMs: undefined,
      engine: undefined,
    });
  });

  it.each([
    ['30s', 30_000],
    ['1.5m', 90_000],
    ['250ms', 250],
    ['2h', 7_200_000],
  ])('--for %s', (text, ms) => {
    expect(parseDemoArguments(['--for', text]).forMs).toBe(ms);
  });

  it('leave out the simulated cameras beside real ones, unless asked for', () => {
    const real = ['--camera', 'rtsp://10.0.0.9/a', '--camera', 'rtsp://10.0.0.9/b'];
    expect(parseDemoArguments(real)).toMatchObject({ simulated: 0, cameras: [real[1], real[3]] });
    expect(parseDemoArguments([...real, '--cameras', '3']).simulated).toBe(3);
  });

  it.each([
    [['--for', '30'], '--for'],
    [['--for', '0s'], '--for'],
    [['--for', '9999h'], '--for'],
    [['--engine', 'gstreamer'], '--engine'],
    [['--cameras', '65'], '--cameras'],
    [['--cameras', '0'], '--cameras'],
    [['--cameras', '-1'], '--cameras'],
    [['--camera', 'http://10.0.0.9/'], '--camera'],
    [['--nonsense'], '--nonsense'],
    [['stray'], 'stray'],
  ])('%j is refused by name', (args, name) => {
    const error = refusal(() => parseDemoArguments(args));
    expect(error.status).toBe(2);
    expect(error.message).toContain(name);
  });

  it.each([[['--camera', 'rtsp://admin:hunter2@10.0.0.9/']], [['rtsp://admin:hunter2@10.0.0.9/']]])(
    'never repeat a password that was typed into a URL: %#',
    (args) => {
      const { message } = refusal(() => parseDemoArguments(args));
      expect(message).not.toContain('hunter2');
      expect(message).toContain('--credentials');
    },
  );

  it('are all in the usage text', () => {
    for (const option of ['for', 'report', 'engine', 'cameras', 'camera', 'credentials', 'recordings']) {
      expect(DEMO_USAGE).toContain(`--${option} `);
    }
  });
});

describe('the credentials file', () => {
  const write = (content: string, mode = 0o600) => {
    const file = join(folder, `credentials-${Math.random()}.json`);
    writeFileSync(file, content, { mode });
    return file;
  };
  const login = { username: 'admin', password: 'hunter2' };

  it('is looked up by URL, by host and port, by host', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((username) => ({ ...login, username }));
    const find = loadCredentials(write(JSON.stringify({ 'rtsp://h/1': a, 'h:8554': b, h: c })));
    expect(find('rtsp://h/1')).toEqual(a);
    expect(find('rtsp://h:8554/2')).toEqual(b);
    expect(find('rtsp://h:1/2')).toEqual(c);
    expect(find('rtsp://other/')).toBeUndefined();
  });

  it('is refused when others may read it', () => {
    expect(refusal(() => loadCredentials(write('{}', 0o644))).message).toContain('chmod 600');
  });

  it('is refused when it is not what it should be, by file and key, without its secrets', () => {
    const file = write(JSON.stringify({ h: { ...login, pin: 'hunter3' } }));
    const { message } = refusal(() => loadCredentials(file));
    expect(message).toContain(file);
    expect(message).toContain('h.pin');
    expect(message).not.toMatch(/hunter/);
    expect(refusal(() => loadCredentials(join(folder, 'absent'))).message).toContain('absent');
  });
});

describe('the simulated cameras of a demo', () => {
  it('are by turns H.264 with Digest over TCP and H.265 with sound over UDP', () => {
    const [first, second, third] = planSimulatedCameras(3);
    expect(first).toMatchObject({ codec: 'h264', transport: 'tcp', audio: false });
    expect(second).toMatchObject({ codec: 'h265', transport: 'udp', audio: true, auth: undefined });
    expect([first?.auth?.methods, third?.auth?.methods]).toEqual([['digest-sha256'], ['digest-md5']]);
  });

  it('get a new password each time', () => {
    expect(planSimulatedCameras(1)[0]?.auth?.password).not.toBe(planSimulatedCameras(1)[0]?.auth?.password);
  });

  it('report over IPC; what is no report is named and ignored', async () => {
    const problems: string[] = [];
    const link = new SimcamLink((message) => problems.push(message));
    const counts = link.next('counts');
    link.take({ type: 'counts', cameras: [{ id: 'sim1', url: 'rtsp://h/', framesSent: 7 }] });
    await counts;
    expect(link.camera('sim1')?.framesSent).toBe(7);
    link.take('what?');
    link.take({ type: 'refused', message: 'no such camera' });
    expect(problems).toEqual([
      expect.stringContaining('no report'),
      expect.stringContaining('no such camera'),
    ]);
  });
});

describe('totals over restarts of kaic', () => {
  const status = (stored: number, results: number, p50Ms = 1) =>
    WatchStatusResponse.fromPartial({
      taps: [{ cameraId: 'a', keyframesStored: stored, lastUri: stored > 0 ? `uri-${stored}` : '' }],
      adapters: [
        { name: 'motion', results, timeouts: 0, p50Ms, p99Ms: 9, cameras: [{ cameraId: 'a', results }] },
      ],
      frameStore: { bytes: 10, capBytes: 100 },
    });

  it('go on where they were', () => {
    const totals = new StatusTotals();
    for (const [stored, results] of [
      [5, 4],
      [10, 9],
      [0, 0],
      [3, 2],
    ] as const) {
      totals.see(status(stored, results, results));
    }
    expect(totals.camera('a')).toEqual({ keyframesStored: 13, results: 11, lastUri: 'uri-3' });
    expect(totals.adapters()).toEqual([{ name: 'motion', results: 11, timeouts: 0, p50Ms: 2, p99Ms: 9 }]);
  });

  it('keep the last percentiles that meant something', () => {
    const totals = new StatusTotals();
    totals.see(status(5, 5, 12));
    totals.see(status(0, 0, 0));
    expect(totals.adapters()[0]?.p50Ms).toBe(12);
  });
});

describe('the end of a demo', () => {
  function camera(sent: number | undefined, recorded: number[], frames = recorded.length): DemoCamera {
    const recording = new Recording(join(folder, 'none'));
    for (const number of recorded) recording.numbers.add(number);
    recording.frames = frames;
    return {
      id: 'a',
      simulated: sent !== undefined,
      transport: 'tcp',
      codec: 'h264',
      state: 'recording',
      framesSent: sent,
      recording,
    };
  }
  function state(cameras: DemoCamera[], { stored = 3, results = 3 } = {}): DemoState {
    const totals = new StatusTotals();
    totals.see(
      WatchStatusResponse.fromPartial({
        taps: [{ cameraId: 'a', keyframesStored: stored, lastUri: 'opennvr://frames/camera_a/frame_3.h264' }],
        adapters: [{ name: 'motion', results, p50Ms: 2, p99Ms: 3, cameras: [{ cameraId: 'a', results }] }],
        frameStore: { bytes: 1024, capBytes: 4096 },
      }),
    );
    return { engine: { name: 'mediamtx', version: '1.20.1' }, cameras, totals, errors: ['x'] };
  }

  it('is good when every frame is on disk, stored and looked at', () => {
    expect(verdict(state([camera(3, [0, 1, 2])]))).toBeUndefined();
    expect(verdict(state([camera(undefined, [], 75)]))).toBeUndefined();
  });

  it.each([
    ['no camera', state([]), 'no camera'],
    ['never read', state([camera(0, [])]), 'never read'],
    ['not recorded', state([camera(3, [])]), 'not recorded'],
    ['one frame lost', state([camera(3, [0, 2])]), 'lost 1 of 3'],
    // Frames that were never sent do not make up for it.
    ['one lost, a strange one found', state([camera(3, [0, 2, 9])]), 'lost 1 of 3'],
    ['nothing stored', state([camera(1, [0])], { stored: 0 }), 'frame store'],
    ['nothing looked at', state([camera(1, [0])], { results: 0 }), 'No adapter'],
  ])('is bad, in one sentence: %s', (_, given, reason) => {
    const sentence = verdict(given) ?? '';
    expect(sentence).toContain(reason);
    expect(sentence).toMatch(/^[A-Z].*\.$/);
  });

  it('is bad when frames are on disk twice or in another order', () => {
    const shuffled = camera(3, [0, 1, 2]);
    shuffled.recording.misplaced = 2;
    expect(verdict(state([shuffled]))).toContain('2 frames on disk twice or out of order');
  });

  it('is bad when a segment cannot be read', () => {
    const broken = camera(1, [0]);
    broken.recording.problems.push('/x.mp4: no video track');
    expect(verdict(state([broken]))).toContain('/x.mp4');
  });

  it('is reported with exactly these keys', () => {
    expect(buildReport(state([camera(3, [0, 2])]))).toEqual({
      engine: { name: 'mediamtx', version: '1.20.1' },
      cameras: [
        {
          id: 'a',
          codec: 'h264',
          transport: 'tcp',
          framesSent: 3,
          framesRecorded: 2,
          framesLost: 1,
          keyframesStored: 3,
          lastUri: 'opennvr://frames/camera_a/frame_3.h264',
        },
      ],
      adapters: [{ name: 'motion', results: 3, timeouts: 0, p50Ms: 2, p99Ms: 3 }],
      frameStore: { bytes: 1024, capBytes: 4096 },
      errors: ['x'],
    });
    expect(buildReport(state([camera(undefined, [], 75)])).cameras[0]).toMatchObject({
      framesSent: null,
      framesRecorded: 75,
      framesLost: null,
    });
  });

  it('is shown as a table and as a line', () => {
    const given = state([camera(3, [0, 1])]);
    expect(renderTable(given, 61_000).join('\n')).toMatchInlineSnapshot(`
      "mediamtx 1.20.1 · 61 s · frame store 0.0 of 0.0 MiB

      camera  codec  via  state      sent  on disk  on its way  keyframes  results  last frame
      a       h264   tcp  recording  3     2        1           3          3        opennvr://frames/camera_a/frame_3.h264

      motion: 3 results, 0 timeouts, p50 2.0 ms, p99 3.0 ms
      ! x"
    `);
    expect(renderLine(given, 61_000)).toMatchInlineSnapshot(
      `"  61 s  a recording sent 3 disk 2 keyframes 3 results 3"`,
    );
  });

  it('is drawn over itself on a terminal, and as a line every 5 s elsewhere', () => {
    const given = state([camera(3, [0, 1])]);
    const show = (out: object, seconds: number[]) => {
      let text = '';
      const display = new Display({
        ...out,
        write: (more: string) => (text += more),
      } as unknown as NodeJS.WriteStream);
      for (const second of seconds) display.show(given, second * 1000);
      return text;
    };
    const rows = renderTable(given, 0).length;
    expect(show({ isTTY: true, columns: 200 }, [0, 1]).split(`\x1b[${rows}F\x1b[J`)).toHaveLength(2);
    const narrow = show({ isTTY: true, columns: 20 }, [0]);
    expect(Math.max(...narrow.split('\n').map((line) => line.length))).toBeLessThan(20);
    const lines = show({ isTTY: false }, [0, 1, 4, 5, 9, 10]).trimEnd().split('\n');
    expect(lines.map((line) => Number.parseInt(line, 10))).toEqual([0, 5, 10]);
  });
});
