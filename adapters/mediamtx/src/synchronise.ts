import { type Clock, sleep } from '@opennvr/service';
import type { PathConfig } from './config.ts';
import type { ControlApi } from './control-api.ts';
import { ApiError } from './unix-http.ts';

/** MediaMTX reads a changed file 10 ms later and needs up to 100 ms for 200 paths. */
const LOOK_EVERY_MS = 50;
const LOOKS_FOR_RELOAD = 6;
const ROUNDS = 4;

/**
 * Waits until MediaMTX does what the file says, and helps where it does not notice by itself.
 *
 * It reloads the file when that changes, all cameras in one step and unchanged ones untouched. But a change within
 * one second of the last reload is lost to it for good, so what is still different after a moment is applied through
 * the control API. That keeps file and memory equal whichever came first: a reload that happens later finds nothing
 * to do.
 *
 * @throws ApiError when MediaMTX refuses a path or never gets there. One that is down is left alone: it will read the
 *   file when it starts.
 */
export async function synchronise(
  api: ControlApi,
  wanted: ReadonlyMap<string, PathConfig>,
  clock: Clock,
): Promise<void> {
  try {
    for (let round = 0; round < ROUNDS; round++) {
      let different = await differences(api, wanted);
      for (let look = 1; look < LOOKS_FOR_RELOAD && different.length > 0; look++) {
        await sleep(clock, LOOK_EVERY_MS);
        different = await differences(api, wanted);
      }
      if (different.length === 0) return;
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
