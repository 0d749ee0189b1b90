import { readFile } from 'node:fs/promises';
import { type CameraSpec, MediaError, sameSource, validateCameras, writeDurably } from '@opennvr/media';
import { z } from 'zod';
import { HEADER, layout, type PlannedCamera, readCameraComments, renderConfig } from './config.ts';
import type { Secrets } from './secrets.ts';
import type { Settings } from './settings.ts';
import type { Version } from './version.ts';

const Stored = z.strictObject({
  id: z.string(),
  url: z.string(),
  username: z.string(),
  password: z.string(),
  transport: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  tlsFingerprint: z.string(),
  record: z.boolean(),
  held: z.enum(['', 'redirects', 'caught']),
  via: z.enum(['tcp', 'udp']),
});

/** The cameras, what we know about them, and the file that holds both and that MediaMTX starts from. */
export class Plan {
  readonly #settings: Settings;
  readonly #secrets: Secrets;
  readonly #version: Version;
  readonly #path: string;
  #cameras: readonly PlannedCamera[] = [];

  constructor(settings: Settings, secrets: Secrets, version: Version) {
    this.#settings = settings;
    this.#secrets = secrets;
    this.#version = version;
    this.#path = layout(settings).config;
  }

  get cameras(): readonly PlannedCamera[] {
    return this.#cameras;
  }

  get(id: string): PlannedCamera | undefined {
    return this.#cameras.find((camera) => camera.id === id);
  }

  /**
   * Reads the file, and writes it again where settings or version ask for another one.
   *
   * @throws MediaError when it is not one of ours; it is left as it is then.
   */
  async load(): Promise<CameraSpec[]> {
    const text = await this.#read();
    let cameras: PlannedCamera[] = [];
    if (text !== undefined) {
      const parsed = z.array(Stored).safeParse(text.startsWith(HEADER) ? comments(text) : undefined);
      // zod's messages could quote values.
      if (!parsed.success) throw new MediaError('precondition', `${this.#path}: not the file we wrote`);
      const specs = validateCameras(parsed.data);
      cameras = parsed.data.map((stored, i) => ({ ...stored, ...specs[i] }));
    }
    await this.#write(cameras, text);
    return cameras.map(({ held, via, ...spec }) => spec);
  }

  /**
   * Makes this the set, on disk as well; MediaMTX takes notice by itself.
   *
   * @param held those that redirect, of the cameras that are new or point elsewhere than before
   */
  async save(cameras: readonly CameraSpec[], held: ReadonlySet<string>): Promise<void> {
    await this.#write(
      cameras.map((camera) => {
        const before = this.get(camera.id);
        if (before && sameSource(before, camera)) return { ...before, ...camera };
        return {
          ...camera,
          held: held.has(camera.id) ? 'redirects' : '',
          via: camera.transport === 2 ? 'udp' : 'tcp',
        };
      }),
    );
  }

  /** Changes what we know about one camera. */
  async note(id: string, news: Partial<Pick<PlannedCamera, 'held' | 'via'>>): Promise<void> {
    await this.#write(this.#cameras.map((camera) => (camera.id === id ? { ...camera, ...news } : camera)));
  }

  /** Writes the same file once more, for a MediaMTX that missed the change. */
  async rewrite(): Promise<void> {
    await this.#write(this.#cameras);
  }

  async #write(cameras: readonly PlannedCamera[], before?: string): Promise<void> {
    const text = renderConfig(this.#settings, this.#secrets, this.#version, cameras);
    if (text !== before) await writeDurably(this.#path, text, 0o600);
    this.#cameras = cameras;
  }

  async #read(): Promise<string | undefined> {
    try {
      return await readFile(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }
}

function comments(text: string): unknown {
  try {
    return readCameraComments(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
