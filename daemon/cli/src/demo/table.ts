import { type DemoState, framesLost } from './state.ts';

/** The state of the demo as lines of text; pure. */
export function renderTable(state: DemoState, elapsedMs: number): string[] {
  const { bytes, capBytes } = state.totals.frameStore;
  const rows = state.cameras.map((camera) => {
    const { keyframesStored, results, lastUri } = state.totals.camera(camera.id);
    const lost = framesLost(camera);
    return [
      camera.id,
      camera.codec,
      camera.transport,
      camera.state,
      String(camera.framesSent ?? '-'),
      String(camera.framesSent === undefined ? camera.recording.frames : camera.recording.numbers.size),
      // What is between camera and disk right now counts as "on its way"; what is lost shows at the end.
      String(lost ?? '-'),
      String(keyframesStored),
      String(results),
      lastUri,
    ];
  });
  const head = [
    'camera',
    'codec',
    'via',
    'state',
    'sent',
    'on disk',
    'on its way',
    'keyframes',
    'results',
    'last frame',
  ];
  const adapters = state.totals
    .adapters()
    .map(
      (a) =>
        `${a.name}: ${a.results} results, ${a.timeouts} timeouts, p50 ${ms(a.p50Ms)}, p99 ${ms(a.p99Ms)}`,
    );
  return [
    `${state.engine.name} ${state.engine.version} · ${Math.floor(elapsedMs / 1000)} s · frame store ${mib(bytes)} of ${mib(capBytes)} MiB`,
    '',
    ...columns([head, ...rows]),
    '',
    ...adapters,
    ...state.errors.slice(-5).map((error) => `! ${error}`),
  ];
}

/** One line, for logs. */
export function renderLine(state: DemoState, elapsedMs: number): string {
  const cameras = state.cameras.map((camera) => {
    const { keyframesStored, results } = state.totals.camera(camera.id);
    const disk = camera.framesSent === undefined ? camera.recording.frames : camera.recording.numbers.size;
    return `${camera.id} ${camera.state} sent ${camera.framesSent ?? '-'} disk ${disk} keyframes ${keyframesStored} results ${results}`;
  });
  return `${String(Math.floor(elapsedMs / 1000)).padStart(4)} s  ${cameras.join(' | ')}`;
}

export function columns(rows: string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}

function mib(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}

/** Draws the table over the last one on a terminal; elsewhere a line every few seconds. */
export class Display {
  readonly #out: NodeJS.WriteStream;
  readonly #everyMs = 5000;
  #drawn = 0;
  #nextLineAt = 0;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  show(state: DemoState, elapsedMs: number): void {
    if (!this.#out.isTTY) {
      if (elapsedMs < this.#nextLineAt) return;
      this.#nextLineAt = elapsedMs + this.#everyMs;
      this.#out.write(`${renderLine(state, elapsedMs)}\n`);
      return;
    }
    const width = this.#out.columns ?? 120;
    const lines = renderTable(state, elapsedMs).map((line) => line.slice(0, width - 1));
    // Up to the first line drawn, then erase to the end of the screen (ECMA-48 CPL and ED).
    const back = this.#drawn === 0 ? '' : `\x1b[${this.#drawn}F\x1b[J`;
    this.#out.write(`${back}${lines.join('\n')}\n`);
    this.#drawn = lines.length;
  }

  /** The last state, left standing. */
  final(state: DemoState, elapsedMs: number): void {
    if (this.#out.isTTY) this.show(state, elapsedMs);
    else this.#out.write(`\n${renderTable(state, elapsedMs).join('\n')}\n`);
  }
}
