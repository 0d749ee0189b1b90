import { readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { WatchStatusResponse } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import { describe, expect, onTestFinished, test } from 'vitest';
import { metricsText } from '../src/service/metrics.ts';
import { serveMetrics } from '../src/service/metrics-server.ts';
import { scratch } from './support.ts';

const status = WatchStatusResponse.fromPartial({
  taps: [{ cameraId: 'door', state: 2, keyframesSeen: 7 }],
  adapters: [
    {
      name: 'motion',
      connected: true,
      breaker: 'open',
      p50Ms: 20,
      cameras: [{ cameraId: 'door', results: 3, drops: [{ reason: 'newer', count: 2 }] }],
    },
  ],
  frameStore: { bytes: 4096 },
  decoder: { decoded: 5 },
});

/** The text format's grammar for a line that is no comment. */
const SAMPLE = /^[a-z_]+(\{[a-z]+="([^"\\\n]|\\["\\n])*"(,[a-z]+="([^"\\\n]|\\["\\n])*")*\})? \d+(\.\d+)?$/;

describe('metrics', () => {
  test('tell what the status tells', () => {
    const lines = metricsText(status).split('\n');
    expect(lines).toContain('opennvr_kaic_tap_running{camera="door"} 1');
    expect(lines).toContain('opennvr_kaic_adapter_results_total{adapter="motion",camera="door"} 3');
    expect(lines).toContain(
      'opennvr_kaic_adapter_dropped_total{adapter="motion",camera="door",reason="newer"} 2',
    );
    expect(lines).toContain('opennvr_kaic_adapter_breaker{adapter="motion",state="open"} 1');
    expect(lines).toContain('opennvr_kaic_adapter_breaker{adapter="motion",state="closed"} 0');
    expect(lines).toContain('opennvr_kaic_adapter_latency_seconds{adapter="motion",quantile="0.5"} 0.02');
    expect(lines).toContain('opennvr_kaic_frame_store_bytes 4096');
    expect(lines.filter((line) => line !== '' && !line.startsWith('#') && !SAMPLE.test(line))).toEqual([]);
  });

  test('cannot be broken out of by a name', () => {
    const odd = WatchStatusResponse.fromPartial({ adapters: [{ name: 'a"} 1\n# \\' }] });
    const samples = metricsText(odd)
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(samples.filter((line) => !SAMPLE.test(line))).toEqual([]);
  });

  test('are all documented, and no others', () => {
    const documented = readFileSync(new URL('../../../docs/operate/metrics.md', import.meta.url), 'utf8');
    const names = (text: string, pattern: RegExp) =>
      new Set([...text.matchAll(pattern)].map(([, name]) => name));
    expect(names(documented, /`(opennvr_kaic_[a-z_]+)`/g)).toEqual(
      names(metricsText(status), /^# TYPE (\S+)/gm),
    );
  });

  test('are served on a socket, and nothing else is', async () => {
    const socketPath = join(scratch(), 'metrics.sock');
    const server = await serveMetrics(socketPath, () => metricsText(status));
    onTestFinished(() => server.close());
    const get = (path: string) =>
      new Promise<{ code: number | undefined; text: string }>((resolve, reject) => {
        request({ socketPath, path }, (response: IncomingMessage) => {
          let text = '';
          response.on('data', (chunk: Buffer) => {
            text += chunk.toString();
          });
          response.on('end', () => resolve({ code: response.statusCode, text }));
        })
          .on('error', reject)
          .end();
      });
    expect(await get('/metrics')).toEqual({ code: 200, text: metricsText(status) });
    expect((await get('/')).code).toBe(404);
  });
});
