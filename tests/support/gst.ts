import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('gst_rtsp_server.py', import.meta.url));
/** The distribution's own: its bindings are not on an interpreter from elsewhere. */
const PYTHON = process.env.GST_PYTHON ?? '/usr/bin/python3';

/** Why GStreamer's RTSP server cannot be run here, '' when it can; for the names of skipped tests. */
export const withoutGst = ((): string => {
  const { status } = spawnSync(PYTHON, ['-c', "import gi; gi.require_version('GstRtspServer', '1.0')"]);
  return status === 0 ? '' : ' (skipped: no GStreamer RTSP server for Python)';
})();

export interface GstOptions {
  codec?: 'h264' | 'h265' | 'mjpeg';
  /** Adds a G.711 track. */
  audio?: boolean;
  /** What it serves by; both when not given. */
  protocol?: 'tcp' | 'udp';
  auth?: { method: 'basic' | 'digest'; username: string; password: string };
  /** PEM file with certificate and key: serves rtsps instead. */
  tls?: string;
  /** A free one when not given. */
  port?: number;
  /** Frames per second; 20 when not given. */
  fps?: number;
}

/** A running GStreamer RTSP server on loopback; its path is `/cam`. */
export class GstCamera {
  readonly port: number;
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number, tls: boolean) {
    this.#child = child;
    this.port = port;
    this.url = `${tls ? 'rtsps' : 'rtsp'}://127.0.0.1:${port}/cam`;
  }

  /** @throws Error with what the server said when it does not start. */
  static async start(options: GstOptions = {}): Promise<GstCamera> {
    const args = [SCRIPT];
    for (const name of ['codec', 'protocol', 'tls', 'port', 'fps'] as const) {
      if (options[name] !== undefined) args.push(`--${name}`, String(options[name]));
    }
    if (options.audio) args.push('--audio');
    if (options.auth) args.push('--auth', options.auth.method, '--user', options.auth.username);
    const child = spawn(PYTHON, args, { stdio: 'pipe' });
    if (options.auth) child.stdin.write(`${options.auth.password}\n`);
    let output = '';
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    const port = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', () => reject(new Error(`GStreamer's RTSP server did not start: ${output}`)));
      child.stdout.once('data', (line: Buffer) => resolve((JSON.parse(line.toString()) as GstCamera).port));
    });
    return new GstCamera(child, port, options.tls !== undefined);
  }

  /** As a power cut would. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = new Promise((resolve) => this.#child.once('exit', resolve));
    this.kill();
    await exited;
  }
}
