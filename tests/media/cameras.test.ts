import { REASON, STATE } from '@opennvr/media';
import { expect, it } from 'vitest';
import { GstCamera, withoutGst } from '../support/gst.ts';
import { TcpTrap, testCamera, testClip } from '../support/media-cameras.ts';
import { cameraMessage, freePort } from '../support/media-engine.ts';
import { describeEngines } from '../support/media-suite.ts';

const TIMEOUT = 120_000;
const online = ({ state }: { state: number }) => state === STATE.online;
const failed = ({ state }: { state: number }) => state === STATE.failed;

describeEngines('cameras', (suite) => {
  const gone = (id: string) => () => !suite.engine.statuses.has(id);

  it('a camera appears, falls off the network, returns, and disappears', { timeout: TIMEOUT }, async () => {
    const { engine } = suite;
    const camera = await testCamera({ audio: true });
    suite.after(() => camera.close());
    await engine.start();
    expect(await engine.apply([cameraMessage('door', camera.url)])).toEqual({
      added: ['door'],
      changed: [],
      removed: [],
    });
    const status = await engine.status(
      'door',
      (s) => online(s) && s.tracks.length === 2 && s.bytesReceived > 0,
    );
    expect(status.tracks).toEqual([
      { codec: 'h264', width: 320, height: 180 },
      { codec: 'aac', width: 0, height: 0 },
    ]);
    expect(status.reason).toBe(REASON.none);

    const away = camera.flap(2000);
    await engine.status('door', (s) => failed(s) && !s.recording);
    await away;
    await engine.status('door', online, 60_000);

    expect(await engine.apply([])).toEqual({ added: [], changed: [], removed: ['door'] });
    await expect.poll(gone('door'), { timeout: 10_000 }).toBe(true);
  });

  it('a camera that changes its resolution is told with its new size', { timeout: TIMEOUT }, async () => {
    const { engine } = suite;
    const camera = await testCamera();
    suite.after(() => camera.close());
    await engine.start();
    await engine.apply([cameraMessage('door', camera.url)]);
    await engine.status('door', (s) => s.tracks[0]?.width === 320);
    await camera.change(await testClip({ width: 480, height: 270 }));
    const status = await engine.status('door', (s) => online(s) && s.tracks[0]?.width === 480, 60_000);
    expect(status.tracks[0]?.height).toBe(270);
  });

  it('failures are told apart', { timeout: TIMEOUT }, async () => {
    const { engine } = suite;
    const auth = {
      username: 'admin',
      password: 'the-right-one',
      methods: ['digest-sha256', 'digest-md5'] as const,
    };
    const camera = await testCamera({ auth });
    suite.after(() => camera.close());
    await engine.start();
    const login = { username: 'admin', password: 'not-the-right-one' };
    await engine.apply([
      cameraMessage('wrong', camera.url, login),
      cameraMessage('missing', camera.url.replace('/live', '/attic'), { ...login, password: auth.password }),
      cameraMessage('absent', `rtsp://127.0.0.1:${await freePort()}/live`),
      cameraMessage('right', camera.url, { ...login, password: auth.password }),
    ]);
    await engine.status('right', online, 60_000);
    const reason = async (id: string) =>
      (await engine.status(id, (s) => failed(s) && s.reason !== 0, 60_000)).reason;
    expect(await reason('wrong')).toBe(REASON.wrongPassword);
    expect(await reason('missing')).toBe(REASON.notFound);
    expect(await reason('absent')).toBe(REASON.unreachable);
  });

  it('a camera that redirects is refused; the other host hears nothing', { timeout: TIMEOUT }, async () => {
    const { engine } = suite;
    const other = new TcpTrap();
    const otherPort = await other.listen('127.0.0.2');
    const elsewhere = `rtsp://127.0.0.2:${otherPort}/live`;
    const camera = new TcpTrap((request, cseq) =>
      request.startsWith('OPTIONS')
        ? `RTSP/1.0 200 OK\r\nCSeq: ${cseq}\r\nPublic: DESCRIBE, SETUP, PLAY\r\n\r\n`
        : `RTSP/1.0 302 Found\r\nCSeq: ${cseq}\r\nLocation: ${elsewhere}\r\n\r\n`,
    );
    const port = await camera.listen();
    suite.after(() => Promise.all([camera.close(), other.close()]));
    await engine.start();
    const login = { username: 'admin', password: 'hush-redirect' };
    await engine.apply([cameraMessage('hacked', `rtsp://127.0.0.1:${port}/live`, login)]);
    const status = await engine.status('hacked', failed);
    expect(status.reason).toBe(REASON.redirected);
    expect(camera.connections).toBeGreaterThan(0);
    // It tries again and again; none of that may reach the other host.
    await new Promise((resolve) => setTimeout(resolve, 6000));
    expect(other.connections).toBe(0);
    expect(other.received).toBe('');
  });

  it('a camera that accepts and says nothing, or nonsense, fails without touching another', {
    timeout: TIMEOUT,
  }, async () => {
    const { engine } = suite;
    const camera = await testCamera();
    const nonsense = new TcpTrap(() => `HTTP/1.1 418 I am a teapot\r\n${'x'.repeat(100_000)}`);
    suite.after(() => Promise.all([camera.close(), nonsense.close()]));
    await engine.start();
    await engine.apply([
      cameraMessage('good', camera.url),
      cameraMessage('nonsense', `rtsp://127.0.0.1:${await nonsense.listen()}/`),
    ]);
    await engine.status('good', online);
    const status = await engine.status('nonsense', (s) => failed(s) && s.reason !== 0, 60_000);
    expect(status.reason).toBe(REASON.protocol);
    expect(camera.sessions.filter((s) => s.framesSent > 0)).toHaveLength(1);
  });

  it.skipIf(withoutGst)(
    `motion JPEG alone is an unsupported codec${withoutGst}`,
    { timeout: TIMEOUT },
    async () => {
      const { engine } = suite;
      const camera = await GstCamera.start({ codec: 'mjpeg' });
      suite.after(() => camera.close());
      await engine.start();
      await engine.apply([cameraMessage('old', camera.url)]);
      const status = await engine.status('old', failed, 60_000);
      expect(status.reason).toBe(REASON.unsupportedCodec);
    },
  );

  it('two hundred cameras are one set, and a bad one among them spoils nothing', {
    timeout: TIMEOUT,
  }, async () => {
    const { engine } = suite;
    const live = await Promise.all([testCamera(), testCamera({ codec: 'h265' })]);
    suite.after(() => Promise.all(live.map((camera) => camera.close())));
    await engine.start();
    const nobody = `rtsp://127.0.0.1:${await freePort()}/live`;
    const set = Array.from({ length: 200 }, (_, i) => cameraMessage(`c${i}`, live[i]?.url ?? nobody));
    const { added } = await engine.apply(set);
    expect(added).toHaveLength(200);
    await expect.poll(() => engine.statuses.size, { timeout: 10_000 }).toBe(200);
    for (const id of ['c0', 'c1']) await engine.status(id, (s) => online(s) && s.recording, 60_000);
    await engine.status('c199', (s) => failed(s) && s.reason === REASON.unreachable, 60_000);

    const bad = set.map((camera, i) => (i === 137 ? { ...camera, url: 'http://127.0.0.1/' } : camera));
    await expect(engine.apply(bad)).rejects.toMatchObject({
      code: 3,
      details: expect.stringMatching(/^cameras\[137\]\.url: /),
    });
    expect(engine.statuses.get('c0')?.state).toBe(STATE.online);

    const { removed } = await engine.apply(set.slice(0, 2));
    expect(removed).toHaveLength(198);
    await expect.poll(() => engine.statuses.size).toBe(2);
    // Neither the bad set nor the removal of the others cost the two their connection.
    expect(live.map((camera) => camera.sessions.filter((s) => s.framesSent > 0).length)).toEqual([1, 1]);
  });
});
