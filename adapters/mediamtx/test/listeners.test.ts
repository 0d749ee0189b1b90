import { createSocket } from 'node:dgram';
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Settings } from '../src/settings.ts';
import { forbiddenSockets } from '../src/socket-policy.ts';
import { describeSocket, endpoint, openSockets } from '../src/sockets.ts';
import type { Version } from '../src/version.ts';
import { Adapter } from './support/adapter.ts';
import { accepts, end, freePort, mediamtxBin, missing } from './support/cameras.ts';
import { until } from './support/until.ts';

const settings = Settings.parse({
  socketPath: '/run/m/media.sock',
  stateDir: '/s',
  recordingsDir: '/r',
  runDir: '/run/m',
});
const udpCamera = {
  id: 'a',
  url: 'rtsp://h/',
  username: '',
  password: '',
  transport: 2 as const,
  tlsFingerprint: '',
  record: true,
  held: '',
  via: 'udp' as const,
};

describe('open sockets', () => {
  it('are read from the kernel', async () => {
    const http = createServer();
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const udp = createSocket('udp6');
    await new Promise<void>((resolve) => udp.bind(0, '::1', resolve));
    const address = http.address();
    const port = address && typeof address === 'object' ? address.port : 0;
    const found = openSockets(process.pid).filter(({ listening }) => listening);
    expect(found.map(describeSocket)).toContain(`tcp 127.0.0.1:${port}`);
    expect(found.map(describeSocket)).toContain(`udp [::1]:${udp.address().port}`);
    http.close();
    udp.close();
  });

  it.each([
    ['0100007F:216A', '127.0.0.1', 8554],
    ['00000000:1FFD', '*', 8189],
    ['00000000000000000000000000000000:1FFD', '*', 8189],
    ['B80D01200000000067452301EFCDAB89:0001', '2001:db8::123:4567:89ab:cdef', 1],
    ['0000000000000000FFFF00000100007F:0050', '127.0.0.1', 80],
  ])('%s is %s port %i', (text, address, port) => {
    expect(endpoint(text)).toEqual({ address, port });
  });
});

describe('forbidden sockets', () => {
  const tcp = (address: string, port: number) => ({
    kind: 'tcp' as const,
    listening: true,
    address,
    port,
    peer: '',
  });
  const udp = (port: number) => ({ kind: 'udp' as const, listening: true, address: '*', port, peer: '' });
  const unix = (address: string) => ({ kind: 'unix' as const, listening: true, address, port: 0, peer: '' });
  const check = (sockets: Parameters<typeof forbiddenSockets>[0], version: Version, udpCameras = 0) =>
    forbiddenSockets(sockets, settings, version, Array(udpCameras).fill(udpCamera));

  it('leaves out what has to be', () => {
    const fine = [tcp('127.0.0.1', 8554), udp(8189), unix('/run/m/api.sock'), unix('/run/m/whep.sock')];
    expect(check(fine, [1, 20, 1])).toEqual([]);
    expect(
      check([{ ...tcp('10.0.0.1', 40_000), listening: false, peer: '10.0.0.5:554' }], [1, 20, 1]),
    ).toEqual([]);
  });

  it('names everything else', () => {
    const bad = [tcp('*', 8554), tcp('127.0.0.1', 8889), udp(8893), unix('@gdb'), unix('/tmp/x')];
    expect(check(bad, [1, 20, 1], 1)).toEqual([
      'tcp *:8554',
      'tcp 127.0.0.1:8889',
      'udp *:8893',
      'unix @gdb',
      'unix /tmp/x',
    ]);
  });

  it('allows RTP over UDP in its port range, as much as cameras explain', () => {
    const nine = Array.from({ length: 9 }, (_, i) => udp(40_000 + i));
    expect(check(nine, [1, 20, 1], 0)).toHaveLength(9);
    expect(check(nine, [1, 20, 1], 1)).toEqual(['udp *:40008']);
    expect(check([udp(50_000)], [1, 20, 1], 1)).toEqual(['udp *:50000']);
    expect(check([udp(50_000)], [1, 15, 0], 1)).toEqual([]);
  });
});

describe.skipIf(missing !== '')(`a MediaMTX that opens more than it should${missing}`, () => {
  let adapter: Adapter;
  afterAll(() => adapter?.stop());

  it('is stopped, and the adapter fails naming the socket', async () => {
    const port = await freePort();
    adapter = await Adapter.create();
    const wrapper = join(adapter.folder, 'mediamtx');
    writeFileSync(
      wrapper,
      `#!/bin/sh\nMTX_HLS=true MTX_HLSADDRESS=127.0.0.1:${port} exec '${mediamtxBin}' "$@"\n`,
    );
    chmodSync(wrapper, 0o755);
    adapter.settings.mediamtx = { bin: wrapper };
    await expect(adapter.start()).rejects.toThrow(/the adapter ended/);
    expect(adapter.child?.exitCode).toBe(1);
    expect(adapter.log).toContain(`sockets it must not have: tcp 127.0.0.1:${port}`);
    await until(async () => !(await accepts(port)), 'it listens no more');
  });

  it('is refused when it is too old, cannot be run, or is something else', async () => {
    for (const [script, says] of [
      ['echo v1.14.0', 'is MediaMTX 1.14.0; 1.15.0 or newer is needed'],
      ['echo hello', 'no version number'],
      ['exit 3', '--version failed'],
    ] as const) {
      const old = await Adapter.create();
      const wrapper = join(old.folder, 'mediamtx');
      writeFileSync(wrapper, `#!/bin/sh\n${script}\n`);
      chmodSync(wrapper, 0o755);
      old.settings.mediamtx = { bin: wrapper };
      await expect(old.start()).rejects.toThrow(/the adapter ended/);
      expect(old.log).toContain(says);
      if (old.child) await end(old.child);
      await old.stop();
    }
  });

  it('is taken with the newest keys we know when it is newer, and the log says so', async () => {
    const newer = await Adapter.create();
    const wrapper = join(newer.folder, 'mediamtx');
    // MediaMTX of the newest known version, that says it is one of the future.
    const script = `#!/bin/sh\n[ "$1" = --version ] && echo v1.99.0 && exit\nexec '${mediamtxBin}' "$@"\n`;
    writeFileSync(wrapper, script);
    chmodSync(wrapper, 0o755);
    newer.settings.mediamtx = { bin: wrapper };
    const ended = newer.start().catch(() => undefined);
    await until(() => newer.log.includes('1.99.0 is newer than 1.20.1'), 'the log says so');
    await newer.kill();
    await ended;
    await newer.stop();
  });
});
