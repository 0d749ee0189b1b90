/** Bytes that break ISO/IEC 14496-12, or go beyond what a segment of ours can be. */
export class Fmp4Error extends Error {
  override name = 'Fmp4Error';
}

export interface Box {
  type: string;
  /** Where the whole box starts and where its content starts and ends. */
  start: number;
  body: number;
  end: number;
}

/** Children a container may have; a real moov or moof has a handful. */
const MAX_BOXES = 1024;

/**
 * Reads a box header (ISO/IEC 14496-12 4.2).
 *
 * @param head bytes at `start`, as many as there are, 16 at most needed.
 * @returns undefined when the header is not there completely, or the box has no end yet (size 0).
 * @throws Fmp4Error for a size that cannot be.
 */
export function readBoxHeader(head: Buffer, start: number): Box | undefined {
  if (head.length < 8) return undefined;
  const type = head.toString('latin1', 4, 8);
  let size = head.readUInt32BE(0);
  let body = 8;
  if (size === 0) return undefined;
  if (size === 1) {
    if (head.length < 16) return undefined;
    size = head.readUInt32BE(8) * 2 ** 32 + head.readUInt32BE(12);
    body = 16;
  }
  if (size < body || !Number.isSafeInteger(start + size)) {
    throw new Fmp4Error(`box "${printable(type)}" at byte ${start} claims ${size} bytes`);
  }
  return { type, start, body: start + body, end: start + size };
}

/** The boxes inside `[start, end)` of a buffer. @throws Fmp4Error when they do not fit exactly. */
export function childBoxes(buf: Buffer, start: number, end: number): Box[] {
  const boxes: Box[] = [];
  for (let at = start; at < end; ) {
    const box = readBoxHeader(buf.subarray(at, Math.min(at + 16, end)), at);
    if (!box || box.end > end) throw new Fmp4Error(`a box at byte ${at} does not fit its container`);
    if (boxes.push(box) > MAX_BOXES) throw new Fmp4Error(`more than ${MAX_BOXES} boxes in one container`);
    at = box.end;
  }
  return boxes;
}

/** The boxes found by going down `path`, all of them at every level. */
export function descend(buf: Buffer, start: number, end: number, path: readonly string[]): Box[] {
  const [type, ...rest] = path;
  const found = childBoxes(buf, start, end).filter((box) => box.type === type);
  return rest.length === 0 ? found : found.flatMap((box) => descend(buf, box.body, box.end, rest));
}

/** Reads big-endian fields one after another, never past `end`. */
export class Fields {
  readonly #buf: Buffer;
  readonly #end: number;
  #at: number;

  constructor(buf: Buffer, box: Pick<Box, 'body' | 'end'>) {
    this.#buf = buf;
    this.#at = box.body;
    this.#end = box.end;
  }

  /** Unsigned, `bytes` of 1 to 6. @throws Fmp4Error at the end of the box. */
  uint(bytes: number): number {
    const at = this.skip(bytes);
    return this.#buf.readUIntBE(at, bytes);
  }

  int32(): number {
    return this.#buf.readInt32BE(this.skip(4));
  }

  /** Moves on and returns where it was. @throws Fmp4Error at the end of the box. */
  skip(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#end)
      throw new Fmp4Error(`a box ends at byte ${this.#end}, in the middle of a field`);
    this.#at += bytes;
    return at;
  }

  get position(): number {
    return this.#at;
  }
}

function printable(type: string): string {
  return type.replace(/[^ -~]/g, '?');
}
