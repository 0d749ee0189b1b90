/** What the muxer wrote is not the fragmented MP4 we asked for. */
export class FragmentError extends Error {
  override name = 'FragmentError';
}

/** One movie fragment: `moof` and `mdat` together (ISO/IEC 14496-12 8.8). */
export interface Fragment {
  data: Buffer;
  /** Samples of the video track in it. */
  videoSamples: number;
  /** Decode time of each track's first sample, in seconds, by track id. */
  starts: Map<number, number>;
}

export type Piece = { kind: 'init'; data: Buffer } | { kind: 'fragment'; fragment: Fragment };

/** An access unit is at most 16 MiB; a part holds a second of them. */
const MAX_BOX = 256 * 1024 * 1024;
const VIDEO_TRACK = 1;

interface BaseTime {
  track: number;
  /** Offset of the 64-bit `baseMediaDecodeTime` in the fragment. */
  offset: number;
}

/** Cuts a growing fragmented MP4 into its initialization part and its fragments. */
export class FragmentParser {
  readonly #timescales = new Map<number, number>();
  #chunks: Buffer[] = [];
  #buffered = 0;
  #init: Buffer[] = [];
  #moof: Buffer | undefined;
  #ready = false;

  /** @throws FragmentError */
  push(chunk: Buffer): Piece[] {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    const pieces: Piece[] = [];
    for (let box = this.#nextBox(); box; box = this.#nextBox()) {
      const piece = this.#take(box);
      if (piece) pieces.push(piece);
    }
    return pieces;
  }

  #nextBox(): Buffer | undefined {
    if (this.#buffered < 8) return undefined;
    const first = this.#chunks[0];
    const head = first && first.length >= 8 ? first : this.#join();
    const size = head.readUInt32BE(0);
    if (size < 8 || size > MAX_BOX) throw new FragmentError(`a box of ${size} bytes`);
    if (this.#buffered < size) return undefined;
    const all = this.#join();
    const rest = all.subarray(size);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#buffered = rest.length;
    return all.subarray(0, size);
  }

  #join(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  #take(box: Buffer): Piece | undefined {
    const type = boxType(box);
    switch (type) {
      case 'ftyp':
        this.#init.push(box);
        return undefined;
      case 'moov': {
        this.#readTimescales(box);
        this.#ready = true;
        return { kind: 'init', data: Buffer.concat([...this.#init, box]) };
      }
      case 'moof':
        if (!this.#ready) throw new FragmentError('a fragment before the moov box');
        this.#moof = box;
        return undefined;
      case 'mdat': {
        const moof = this.#moof;
        if (!moof) throw new FragmentError('media data without its moof box');
        this.#moof = undefined;
        return { kind: 'fragment', fragment: this.#fragment(moof, box) };
      }
      default:
        // The index that ffmpeg writes at the end (mfra) would hold wrong offsets in our files.
        return undefined;
    }
  }

  #readTimescales(moov: Buffer): void {
    for (const trak of children(moov, 'trak')) {
      const tkhd = child(trak, 'tkhd');
      const mdhd = child(child(trak, 'mdia'), 'mdhd');
      // Version 1 has 64-bit times before the fields we want (8.3.2, 8.4.2).
      const track = field(tkhd, tkhd[8] === 1 ? 28 : 20);
      this.#timescales.set(track, field(mdhd, mdhd[8] === 1 ? 28 : 20));
    }
  }

  #fragment(moof: Buffer, mdat: Buffer): Fragment {
    const starts = new Map<number, number>();
    let videoSamples = 0;
    for (const traf of children(moof, 'traf')) {
      const track = child(traf, 'tfhd').readUInt32BE(12);
      const tfdt = child(traf, 'tfdt');
      const timescale = this.#timescales.get(track);
      if (!timescale || tfdt[8] !== 1) throw new FragmentError(`track ${track} without a usable decode time`);
      starts.set(track, Number(tfdt.readBigUInt64BE(12)) / timescale);
      if (track !== VIDEO_TRACK) continue;
      for (const trun of children(traf, 'trun')) videoSamples += field(trun, 12);
    }
    return { data: Buffer.concat([moof, mdat]), videoSamples, starts };
  }

  /** Moves a fragment's times so that `origin` (seconds) becomes 0: every segment starts at its own beginning. */
  rebase(fragment: Fragment, origin: number): Buffer {
    for (const { track, offset } of baseTimes(fragment.data)) {
      const shift = BigInt(Math.round(origin * (this.#timescales.get(track) ?? 1)));
      const time = fragment.data.readBigUInt64BE(offset);
      fragment.data.writeBigUInt64BE(time > shift ? time - shift : 0n, offset);
    }
    return fragment.data;
  }
}

function* baseTimes(data: Buffer): Generator<BaseTime> {
  const moof = data.subarray(0, data.readUInt32BE(0));
  for (const traf of children(moof, 'traf')) {
    const tfdt = child(traf, 'tfdt');
    yield { track: child(traf, 'tfhd').readUInt32BE(12), offset: tfdt.byteOffset - data.byteOffset + 12 };
  }
}

function boxType(box: Buffer): string {
  return box.toString('latin1', 4, 8);
}

function* children(box: Buffer, type: string): Generator<Buffer> {
  let offset = 8;
  while (offset + 8 <= box.length) {
    const size = box.readUInt32BE(offset);
    if (size < 8 || offset + size > box.length)
      throw new FragmentError(`a broken box inside ${boxType(box)}`);
    const inner = box.subarray(offset, offset + size);
    if (boxType(inner) === type) yield inner;
    offset += size;
  }
}

function child(box: Buffer, type: string): Buffer {
  for (const found of children(box, type)) if (found.length >= 20) return found;
  throw new FragmentError(`no ${type} in ${boxType(box)}`);
}

/** 32 bits of a box. @throws FragmentError when it ends before them. */
function field(box: Buffer, offset: number): number {
  if (offset + 4 > box.length) throw new FragmentError(`a ${boxType(box)} of ${box.length} bytes`);
  return box.readUInt32BE(offset);
}
