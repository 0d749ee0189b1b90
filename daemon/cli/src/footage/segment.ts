import { isSliceType, nalType, readFrameNumber, type VideoCodec } from '@opennvr/rtsp';
import { type Box, Fmp4Error, readBoxHeader } from './boxes.ts';
import { readFragment, readMovie, type SampleRange, type VideoTrack } from './fragments.ts';

/** A file, or a buffer in a test. */
export interface ByteSource {
  size: number;
  /** Up to `length` bytes from `offset`; fewer at the end. */
  read(offset: number, length: number): Buffer;
}

export interface RecordedFrame {
  codec: VideoCodec;
  /** Number from its SEI; undefined when it carries none, or when the picture it numbers is not there whole. */
  number: number | undefined;
}

const MAX_MOOV = 1024 * 1024;
const MAX_MOOF = 4 * 1024 * 1024;
const MAX_SAMPLE = 16 * 1024 * 1024;
/** The number stands before the picture; this much of a sample is looked at. */
const HEAD = 8192;

/**
 * Reads the video frames of one fMP4 segment, also while it is being written: each `poll` goes on where the
 * last one stopped, and a frame counts once the whole of its `mdat` is in the file. A torn tail is simply not there.
 */
export class SegmentReader {
  #at = 0;
  #track: VideoTrack | undefined;
  #fragment: { start: number; moof: Buffer } | undefined;

  /**
   * @param source the same file each time.
   * @throws Fmp4Error when it is no fMP4 as recorders write it.
   */
  poll(source: ByteSource, onFrame: (frame: RecordedFrame) => void): void {
    for (;;) {
      const box = readBoxHeader(source.read(this.#at, 16), this.#at);
      if (!box || box.end > source.size) return;
      this.#take(source, box, onFrame);
      this.#at = box.end;
    }
  }

  #take(source: ByteSource, box: Box, onFrame: (frame: RecordedFrame) => void): void {
    if (box.type === 'moov') this.#track = readMovie(content(source, box, MAX_MOOV));
    else if (box.type === 'moof') this.#fragment = { start: box.start, moof: content(source, box, MAX_MOOF) };
    else if (box.type === 'mdat' && this.#fragment) {
      if (!this.#track) throw new Fmp4Error('moof before moov');
      const { start, moof } = this.#fragment;
      this.#fragment = undefined;
      for (const sample of readFragment(moof, start, this.#track)) {
        if (sample.offset < box.body || sample.offset + sample.size > box.end || sample.size > MAX_SAMPLE) {
          throw new Fmp4Error(`a sample at byte ${sample.offset} lies outside its mdat`);
        }
        onFrame({ codec: this.#track.codec, number: numberOf(source, sample, this.#track) });
      }
    }
  }
}

function content(source: ByteSource, box: Box, limit: number): Buffer {
  const length = box.end - box.body;
  if (length > limit) throw new Fmp4Error(`${box.type} of ${length} bytes`);
  const bytes = source.read(box.body, length);
  if (bytes.length !== length) throw new Fmp4Error(`${box.type} cannot be read completely`);
  return bytes;
}

/** A number alone is no frame: recorders may write what is left of one that lost packets. */
function numberOf(source: ByteSource, sample: SampleRange, track: VideoTrack): number | undefined {
  if (!hasWholePicture(source, sample, track)) return undefined;
  const head = source.read(sample.offset, Math.min(sample.size, HEAD));
  return readFrameNumber(track.codec, nalUnits(head, track.lengthSize));
}

/** Whether NAL units fill the sample to its last byte, and one of them is a slice. Looks at their heads only. */
function hasWholePicture(source: ByteSource, { offset, size }: SampleRange, track: VideoTrack): boolean {
  const { codec, lengthSize } = track;
  let slices = 0;
  let at = offset;
  for (const end = offset + size; at < end; ) {
    const head = source.read(at, lengthSize + 1);
    const length = head.length > lengthSize ? head.readUIntBE(0, lengthSize) : 0;
    if (length === 0 || at + lengthSize + length > end) return false;
    if (isSliceType(codec, nalType(codec, head.subarray(lengthSize)))) slices += 1;
    at += lengthSize + length;
  }
  return slices > 0;
}

/** The complete NAL units at the head of a sample (ISO/IEC 14496-15 5.3.4.2.1). */
function nalUnits(head: Buffer, lengthSize: number): Buffer[] {
  const units: Buffer[] = [];
  for (let at = 0; at + lengthSize <= head.length; ) {
    const length = head.readUIntBE(at, lengthSize);
    at += lengthSize;
    if (length === 0 || at + length > head.length) break;
    units.push(head.subarray(at, at + length));
    at += length;
  }
  return units;
}
