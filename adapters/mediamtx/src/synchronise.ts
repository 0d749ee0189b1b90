import { type Clock, sleep } from '@opennvr/service';
import type { PathConfig } from './config.ts';
import type { ControlApi } from './control-api.ts';
import { ApiError } from './unix-http.ts';

/** MediaMTX reads a changed file 10 ms later and needs up to 100 ms for 200 paths. */
const LOOK_EVERY_MS = 50;
const LOOKS_FOR_RELOAD = 6;
const ROUNDS = 4;
/** One change by API costs MediaMTX a look at all paths: 30 ms with 200 of them. Many go by file. */
const MANY = 16;
/** Within this time of a reload, MediaMTX throws further changes of the file away. */
const DEAF_MS = 1000;

export interface SynchroniseOptions {
  api: ControlApi;
  clock: Clock;
  wanted: ReadonlyMap<string, PathConfig>;
  /** Writes the configuration file again. */
  rewrite: () => Promise<void>;
}

/**
 * Waits until MediaMTX does what the file says, and helps where it does not notice by itself.
 *
 * It reloads the file when that changes, all cameras in one step and unchanged ones untouched. But a change within
 * one second of the last reload is lost to it for good, so what is still different after a moment is applied through
 * the control API, or when it is much, by writing the file once more. That keeps file and memory equal whichever came first: a reload that happens later finds nothing
 * to do.
 *
 * @throws ApiError when MediaMTX refuses a path or never gets there. One that is down is left alone: it will read the
 *   file when it starts.
 */
export async function synchronise({ api, clock, wanted, rewrite }: SynchroniseOptions): Promise<void> {
  try {
    for (let round = 0; round < ROUNDS; round++) {
      let different = await differences(api, wanted);
      for (let look = 1; look < LOOKS_FOR_RELOAD && different.length > 0; look++) {
        await sleep(clock, LOOK_EVERY_MS);
        different = await differences(api, wanted);
      }
      if (different.length === 0) return;
      if (different.length > MANY) {
        await sleep(clock, DEAF_MS);
        await rewrite();
        continue;
      }
      for (const id of different) {
        const config = wanted.get(id);
        if (config) await api.replacePath(id, config);
        else await api.deletePath(id);
      }
    }
  } catch (error) {
    if (error instanceof ApiError && error.status === undefined) return;
    throw error;
  }
  throw new ApiError('MediaMTX does not take over its configuration');
}

async function differences(api: ControlApi, wanted: ReadonlyMap<string, PathConfig>): Promise<string[]> {
  const there = await api.pathConfigs();
  const different = [...there.keys()].filter((id) => !wanted.has(id));
  for (const [id, config] of wanted) {
    const found = there.get(id);
    if (
      found?.source !== config.source ||
      found.sourceFingerprint !== config.sourceFingerprint ||
      found.rtspTransport !== config.rtspTransport ||
      found.record !== config.record
    )
      different.push(id);
  }
  return different;
}
