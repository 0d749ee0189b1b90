import { formatFrameUri, MAX_WIDTH, MIN_WIDTH } from '@opennvr/frames';
import type { FrameDecoder, FramePictures, FrameSource, Picture } from '../types.ts';
import type { FrameStore } from './store.ts';

/** Makes each JPEG once: concurrent askers share one decode, later ones read the file. */
export class SharedPictures implements FramePictures {
  readonly #store: FrameStore;
  readonly #decoder: Pick<FrameDecoder, 'decode'>;
  readonly #making = new Map<string, Promise<Picture>>();

  constructor(store: FrameStore, decoder: Pick<FrameDecoder, 'decode'>) {
    this.#store = store;
    this.#decoder = decoder;
  }

  jpeg(frame: FrameSource, maxWidth: number): Promise<Picture> {
    const width = maxWidth === 0 ? 0 : Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, maxWidth));
    const uri = formatFrameUri({ cameraId: frame.cameraId, frame: frame.number, format: 'jpg', width });
    let picture = this.#making.get(uri);
    if (!picture) {
      picture = this.#make(frame, width, uri).finally(() => this.#making.delete(uri));
      this.#making.set(uri, picture);
    }
    return picture;
  }

  async #make(frame: FrameSource, width: number, uri: string): Promise<Picture> {
    const kept = this.#store.read({ cameraId: frame.cameraId, frame: frame.number, format: 'jpg', width });
    const size = kept && jpegSize(kept);
    if (kept && size) return { data: kept, uri, ...size };
    const made = await this.#decoder.decode(frame.codec, frame.annexB, width);
    const keptAs = this.#store.putPicture(frame, width, made.jpeg);
    return { data: made.jpeg, uri: keptAs, width: made.width, height: made.height };
  }
}

/** Width and height from a JPEG's start-of-frame segment (ITU-T T.81, B.2.2). */
export function jpegSize(data: Buffer): { width: number; height: number } | undefined {
  let at = 2;
  while (at + 9 <= data.length && data[at] === 0xff) {
    const marker = data.readUInt8(at + 1);
    const isStartOfFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isStartOfFrame) return { height: data.readUInt16BE(at + 5), width: data.readUInt16BE(at + 7) };
    at += 2 + data.readUInt16BE(at + 2);
  }
  return undefined;
}
