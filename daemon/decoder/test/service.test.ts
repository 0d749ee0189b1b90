import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import {
  Codec,
  type DecodeRequest,
  type DecodeResponse,
  DecoderServiceClient,
} from '@opennvr/proto/opennvr/decoder/v1/decoder';
import { dialUnix } from '@opennvr/service';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { bundle } from '../../../scripts/bundle.mjs';
import { keyframes } from './support.ts';

/** The real program, bundled as it is shipped. */
const folder = mkdtempSync(join(tmpdir(), 'opennvr-decoder-'));
const socketPath = join(folder, 'decoder.sock');
let program: ChildProcess;
let client: DecoderServiceClient;
let log = '';

beforeAll(async () => {
  const outfile = join(folder, 'decoder.mjs');
  await bundle(new URL('../src/main.ts', import.meta.url).pathname, outfile);
  program = spawn(process.execPath, [outfile], {
    env: { ...process.env, OPENNVR_DECODER_SOCKET_PATH: socketPath },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  program.stderr?.on('data', (text) => {
    log += text;
  });
  await vi.waitFor(() => expect(log).toContain('decoding on'), { timeout: 30_000 });
  client = dialUnix(DecoderServiceClient, socketPath);
});

afterAll(() => {
  client.close();
  program.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function decode(request: Partial<DecodeRequest>): Promise<DecodeResponse> {
  return new Promise((resolve, reject) => {
    const full = { codec: Codec.CODEC_H264, accessUnit: Buffer.alloc(0), maxWidth: 0, ...request };
    client.decode(full, (error, response) => (error ? reject(error) : resolve(response)));
  });
}

const [picture = Buffer.alloc(0)] = keyframes({ codec: 'h264', source: 'testsrc2=s=320x180:r=4', frames: 1 });

test('decodes over the socket and names the field that is wrong', async () => {
  expect(await decode({ accessUnit: picture, maxWidth: 160 })).toMatchObject({ width: 160, height: 90 });
  const invalid = (details: string) => ({
    code: status.INVALID_ARGUMENT,
    details: expect.stringContaining(details),
  });
  await expect(decode({})).rejects.toMatchObject(invalid('access_unit'));
  await expect(decode({ accessUnit: picture, codec: Codec.CODEC_UNSPECIFIED })).rejects.toMatchObject(
    invalid('codec'),
  );
  await expect(decode({ accessUnit: picture, maxWidth: 1 << 20 })).rejects.toMatchObject(
    invalid('max_width'),
  );
  await expect(decode({ accessUnit: Buffer.from('no picture') })).rejects.toMatchObject(
    invalid('access_unit'),
  );
});

test('says which sandbox is in force, and means it', async () => {
  await decode({ accessUnit: picture });
  expect(log).toMatch(/sandbox (bubblewrap|none)/);
  if (!log.includes('sandbox bubblewrap')) return;
  const inside = descendants(program.pid ?? 0).filter((pid) => commandOf(pid) === 'ffmpeg');
  expect(inside.length).toBeGreaterThan(0);
  for (const pid of inside) {
    const devices = readFileSync(`/proc/${pid}/net/dev`, 'utf8').match(/^\s*\S+:/gm) ?? [];
    expect(devices.map((device) => device.trim())).toEqual(['lo:']);
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/CapEff:\s+0{16}/);
    expect(existsSync(`/proc/${pid}/root/home`)).toBe(false);
    expect(existsSync(`/proc/${pid}/root/tmp`)).toBe(false);
  }
});

test('a killed ffmpeg costs one picture at most; a stopped program leaves none behind', async () => {
  await decode({ accessUnit: picture });
  const workers = descendants(program.pid ?? 0).filter((pid) => commandOf(pid) === 'ffmpeg');
  expect(workers.length).toBeGreaterThan(0);
  for (const pid of workers) process.kill(pid, 'SIGKILL');
  expect(await decode({ accessUnit: picture })).toMatchObject({ width: 320 });
  const last = descendants(program.pid ?? 0);
  program.kill('SIGTERM');
  expect(await once(program, 'exit')).toEqual([0, null]);
  await vi.waitFor(() => expect(last.filter((pid) => commandOf(pid) === 'ffmpeg')).toEqual([]), 10_000);
});

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return ''; // gone
  }
}

function descendants(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // Gone while we looked.
    }
  }
  const below = (pid: number): number[] =>
    [...parents].filter(([, parent]) => parent === pid).flatMap(([child]) => [child, ...below(child)]);
  return below(root);
}
