import {
  type DescribeResponse,
  FrameDelivery,
  FrameEncoding,
  type InferRequest,
} from '@opennvr/proto/opennvr/inference/v1/inference';
import type { FramePictures, FrameViews, StoredFrame } from '../types.ts';
import { DecodeError } from '../types.ts';
import type { Assigned } from './assigned.ts';

const { FRAME_ENCODING_H264, FRAME_ENCODING_H265, FRAME_ENCODING_JPEG } = FrameEncoding;

/** Why a frame is not sent to an adapter, through no fault of the adapter: see `Drops` in kaic.proto. */
export class Unsendable extends Error {
  override name = 'Unsendable';
  readonly reason: 'no_picture' | 'too_large' | 'encoding' | 'no_view';

  constructor(reason: Unsendable['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** A frame on its way. */
export interface Sendable {
  request: InferRequest;
  /** Takes the frame out of the adapter's view again. Once, after the answer. */
  release(): void;
}

export interface RequestParts {
  pictures: FramePictures;
  views: FrameViews;
}

/**
 * A frame as the adapter wants it: encoded and delivered as its Describe says.
 *
 * @param view of the adapter, in which a frame delivered by URI is from now until `release`.
 * @throws Unsendable
 */
export async function makeRequest(
  frame: StoredFrame,
  { input, limits }: DescribeResponse,
  { correlationId, view, region }: { correlationId: string; view: string; region: Assigned['region'] },
  { pictures, views }: RequestParts,
): Promise<Sendable> {
  const raw = frame.codec === 'h264' ? FRAME_ENCODING_H264 : FRAME_ENCODING_H265;
  const wanted = input?.encodings.length ? input.encodings : [FRAME_ENCODING_JPEG];
  const encoding = wanted.find((one) => one === FRAME_ENCODING_JPEG || one === raw);
  if (encoding === undefined)
    throw new Unsendable('encoding', `the adapter takes neither ${frame.codec} nor JPEG`);
  const { uri, data, width, height } =
    encoding === raw
      ? { ...frame, data: frame.annexB }
      : await picture(frame, input?.maxWidth ?? 0, pictures);
  const most = limits?.maxFrameBytes ?? 0;
  if (most > 0 && data.length > most)
    throw new Unsendable('too_large', `a frame of ${data.length} bytes, and the adapter takes ${most}`);
  const byUri = input?.delivery === FrameDelivery.FRAME_DELIVERY_URI;
  return {
    request: {
      correlationId,
      cameraId: frame.cameraId,
      frameUri: uri,
      captureTime: timestamp(frame.captureTimeMs),
      encoding,
      frame: byUri ? Buffer.alloc(0) : data,
      width,
      height,
      parameters: undefined,
      region,
    },
    release: byUri ? granted(views, view, uri) : () => undefined,
  };
}

async function picture(frame: StoredFrame, maxWidth: number, pictures: FramePictures) {
  try {
    return await pictures.jpeg(frame, maxWidth);
  } catch (error) {
    if (error instanceof DecodeError) throw new Unsendable('no_picture', error.message);
    throw error;
  }
}

function granted(views: FrameViews, view: string, uri: string): () => void {
  try {
    return views.grant(view, uri);
  } catch (error) {
    throw new Unsendable('no_view', `the frame cannot be put into the view: ${(error as Error).message}`);
  }
}

/** @param ms since the epoch */
export function timestamp(ms: number): { seconds: number; nanos: number } {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.min(999_999_999, Math.round((ms - seconds * 1000) * 1e6)) };
}

export function duration(ms: number): { seconds: number; nanos: number } {
  return timestamp(Math.max(0, ms));
}
