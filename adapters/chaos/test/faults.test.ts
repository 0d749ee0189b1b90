import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Metadata, status } from '@grpc/grpc-js';
import {
  AdapterServiceClient,
  type DescribeResponse,
  InferRequest,
  type InferResponse,
  type InferStreamResponse,
} from '@opennvr/proto/opennvr/inference/v1/inference';
import { inferResponseProblem } from '@opennvr/proto/validate/inference';
import { dialUnix } from '@opennvr/service';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { bundle } from '../../../scripts/bundle.mjs';
import { faultNames } from '../src/index.ts';

// Each fault is seen to happen: a lab full of adapters that behave would prove nothing.

const folder = mkdtempSync(join(tmpdir(), 'chaos-'));
const program = join(folder, 'chaos.js');
beforeAll(() => bundle(fileURLToPath(new URL('../src/main.ts', import.meta.url)), program));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Misbehaving {
  child: ChildProcess;
  pid: number;
  ended: Promise<unknown[]>;
  client: AdapterServiceClient;
}

async function start(fault: string, serves = true): Promise<Misbehaving> {
  const socket = join(folder, `${fault}.sock`);
  const args = [program, '--socket', socket, '--fault', fault, '--frames', folder];
  const child = spawn(process.execPath, args, { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  if (serves) await until(() => existsSync(socket));
  const client = dialUnix(AdapterServiceClient, socket);
  onTestFinished(() => client.close());
  return { child, pid: child.pid ?? 0, ended: once(child, 'exit'), client };
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !condition(); ) {
    if (Date.now() > end) throw new Error('it did not come to pass');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const request = () =>
  InferRequest.fromPartial({
    correlationId: randomUUID(),
    cameraId: 'a',
    frameUri: 'opennvr://frames/camera_a/frame_1.jpg',
    captureTime: { seconds: 1, nanos: 0 },
    encoding: 1,
    frame: Buffer.from('jpeg'),
    width: 4,
    height: 4,
  });

function infer(client: AdapterServiceClient, deadlineMs = 10_000): Promise<InferResponse> {
  return new Promise((resolve, reject) => {
    client.infer(request(), new Metadata(), { deadline: Date.now() + deadlineMs }, (error, response) =>
      error ? reject(error) : resolve(response),
    );
  });
}

function ask(client: AdapterServiceClient): Promise<DescribeResponse> {
  return new Promise((resolve, reject) => {
    client.describe({}, new Metadata(), { deadline: Date.now() + 10_000 }, (error, response) =>
      error ? reject(error) : resolve(response),
    );
  });
}

const fine = { outcome: { $case: 'result', value: { classifications: [{ label: 'fine' }] } } };

describe('an adapter that misbehaves', () => {
  const seen = new Set<string>();
  const misbehaves = (fault: string, how: () => Promise<void>) => {
    seen.add(fault);
    it(fault, how, 60_000);
  };

  misbehaves('crash-at-start', async () => {
    const { ended } = await start('crash-at-start', false);
    expect(await ended).toEqual([1, null]);
  });

  misbehaves('crash-midway', async () => {
    const { client, ended } = await start('crash-midway');
    expect(await infer(client)).toMatchObject(fine);
    expect(await infer(client)).toMatchObject(fine);
    await expect(infer(client)).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect(await ended).toEqual([null, 'SIGKILL']);
  });

  misbehaves('crash-loop', async () => {
    const { client, ended } = await start('crash-loop');
    await expect(infer(client)).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect(await ended).toEqual([null, 'SIGKILL']);
  });

  for (const fault of ['hang', 'late']) {
    misbehaves(fault, async () => {
      const { client } = await start(fault);
      await expect(infer(client, 500)).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    });
  }

  misbehaves('garbage', async () => {
    const { client } = await start('garbage');
    await expect(infer(client, 2000)).rejects.toThrow();
  });

  misbehaves('bad-schema', async () => {
    const { client } = await start('bad-schema');
    expect(inferResponseProblem(await infer(client))).toMatch(/confidence|box/);
  });

  misbehaves('gigabyte', async () => {
    const { client } = await start('gigabyte');
    expect(await ask(client)).toMatchObject({ name: 'chaos' });
    await expect(infer(client)).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });

  misbehaves('leak', async () => {
    const { client, pid } = await start('leak');
    expect(await infer(client)).toMatchObject(fine);
    await until(() => residentMiB(pid) > 400);
  });

  misbehaves('forks', async () => {
    // Nothing limits processes here, and then it refuses.
    const { ended } = await start('forks', false);
    expect(await ended).toEqual([1, null]);
  });

  misbehaves('spin', async () => {
    const { client, pid } = await start('spin');
    await expect(infer(client, 2000)).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    const before = cpuTicks(pid);
    await until(() => cpuTicks(pid) - before > 100);
  });

  misbehaves('stream-flood', async () => {
    const { client } = await start('stream-flood');
    const stream = client.inferStream();
    const kinds = new Set<string>();
    stream.on('error', () => undefined);
    stream.on('data', ({ event }: InferStreamResponse) => kinds.add(event?.$case ?? ''));
    await until(() => kinds.size === 2);
    stream.cancel();
  });

  misbehaves('liar', async () => {
    const { client } = await start('liar');
    const [first, second] = [await ask(client), await ask(client)];
    expect(first.model?.fingerprint).not.toBe(second.model?.fingerprint);
  });

  misbehaves('closes-socket', async () => {
    const { client, child } = await start('closes-socket');
    const answers = await Promise.allSettled(Array.from({ length: 40 }, () => infer(client)));
    expect(answers.some(({ status: outcome }) => outcome === 'rejected')).toBe(true);
    expect(child.exitCode).toBeNull();
  });

  misbehaves('refuses-stop', async () => {
    const { client, child } = await start('refuses-stop');
    child.kill('SIGTERM');
    expect(await infer(client)).toMatchObject(fine);
    expect(child.exitCode).toBeNull();
  });

  misbehaves('hoarder', async () => {
    mkdirSync(join(folder, 'camera_a'), { recursive: true });
    writeFileSync(join(folder, 'camera_a', 'frame_1.jpg'), 'jpeg');
    const { client, pid } = await start('hoarder');
    const held = () => readdirSync(`/proc/${pid}/fd`).length;
    expect(await infer(client)).toMatchObject(fine);
    const before = held();
    for (let i = 0; i < 5; i++) await infer(client);
    expect(held()).toBe(before + 5);
  });

  it('is listed here with every fault it has', () => expect([...seen].sort()).toEqual(faultNames().sort()));
});

function residentMiB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) / 1024;
}

/** utime and stime: fields 14 and 15 of proc_pid_stat(5). */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /, '')
    .split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
