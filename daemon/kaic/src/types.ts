import type { Box } from '@opennvr/proto/opennvr/inference/v1/inference';
import type {
  AdapterStatus,
  DecoderStatus,
  Size,
  WatchDetectionsResponse,
} from '@opennvr/proto/opennvr/kaic/v1/kaic';
import type { VideoCodec } from '@opennvr/rtsp';

/** One I-frame that is in the frame store, with its bytes still at hand. */
export interface StoredFrame {
  cameraId: string;
  /** Strictly rising per camera, also across restarts: the capture time in ms, or one more than the last. */
  number: number;
  /** `opennvr://frames/camera_<id>/frame_<n>.h264` or `.h265`. */
  uri: string;
  codec: VideoCodec;
  /** Pixels, from the SPS (cropping applied). */
  width: number;
  height: number;
  /** Wall clock when the last packet arrived, ms since the epoch. */
  captureTimeMs: number;
  byteLength: number;
  /** The access unit with its parameter sets. Never changes; drop it as soon as it is not needed. */
  annexB: Buffer;
}

/** Takes frames as they are stored. Called on the hot path: must return at once and not throw. */
export interface FrameListener {
  onFrame(frame: StoredFrame): void;
}

/** A JPEG of a frame. `uri` names it in the store; '' when the store had no room to keep it. */
export interface Picture {
  data: Buffer;
  uri: string;
  width: number;
  height: number;
}

/** What it takes to make a picture: a {@link StoredFrame}, or one read back from the store. */
export type FrameSource = Pick<StoredFrame, 'cameraId' | 'number' | 'codec' | 'annexB'>;

/** Pixels of frames: each JPEG is made once and shared between all who ask. */
export interface FramePictures {
  /**
   * @param maxWidth scaled down to at most this wide, aspect kept; 0 means full size.
   * @throws DecodeError
   */
  jpeg(frame: FrameSource, maxWidth: number): Promise<Picture>;
}

/** Why there is no picture. `frame`: these bytes are no picture; `unavailable` and `overloaded` pass. */
export type DecodeFailure = 'frame' | 'unavailable' | 'overloaded' | 'deadline';

/** The only error a {@link FrameDecoder} rejects with. */
export class DecodeError extends Error {
  override name = 'DecodeError';
  readonly reason: DecodeFailure;

  constructor(reason: DecodeFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** Client side of `DecoderService`. Implemented by `DecoderClient` in `inference/decoder-client.ts`. */
export interface FrameDecoder {
  /** @throws DecodeError */
  decode(
    codec: VideoCodec,
    accessUnit: Buffer,
    maxWidth: number,
  ): Promise<{ jpeg: Buffer; width: number; height: number }>;
  status(): DecoderStatus;
  close(): void;
}

/** Weekdays from 1, Monday, to 7, and minutes of the day; `end` not after `start` means on the next day. */
export interface WindowPlan {
  /** Empty: every day. */
  weekdays: readonly number[];
  start: number;
  end: number;
}

/** When an adapter looks at a camera, by the clock on the wall. */
export interface ActiveHoursPlan {
  /** IANA name, known to this machine. */
  timeZone: string;
  windows: readonly WindowPlan[];
}

/** What an adapter does with one camera, or with every camera that has no assignment of its own. */
export interface AssignmentPlan {
  /** Empty: every camera. */
  cameraId: string;
  /** At least so long between two frames; 0: every stored frame. */
  intervalMs: number;
  /** Undefined: the whole picture. */
  region: Box | undefined;
  minimumSize: Size;
  /** Undefined: always. */
  activeHours: ActiveHoursPlan | undefined;
}

/** An adapter to drive, checked and with its units spelt out; 0 keeps its meaning from the proto. */
export interface AdapterPlan {
  name: string;
  socketPath: string;
  deadlineMs: number;
  maxInFlight: number;
  queueLength: number;
  /** Its folder below `views/` of the frame store. */
  view: string;
  assignments: readonly AssignmentPlan[];
}

/** A camera as far as adapters are concerned. */
export interface CameraPlan {
  cameraId: string;
  /** Its share next to others where an adapter cannot keep up, 1 to 100. */
  weight: number;
}

/** What adapters that take frames by URI may see: the frames they are being asked about, and no others. */
export interface FrameViews {
  /**
   * Puts a stored frame into the folder of an adapter; the function returned takes it out again.
   *
   * @throws Error when the frame is no longer in the store.
   */
  grant(view: string, uri: string): () => void;
  /** Frames that are in a view now. */
  count(view: string): number;
}

/** One answer of one adapter; the service adds what each watcher lost. */
export type Detection = Omit<WatchDetectionsResponse, 'dropped'>;

/** The scheduler and everything behind it. Implemented in `inference/index.ts`. */
export interface InferenceEngine extends FrameListener {
  /** Makes these the whole set, with the least change; both lists are already validated. */
  apply(adapters: readonly AdapterPlan[], cameras: readonly CameraPlan[]): void;
  status(): AdapterStatus[];
  onDetection(listener: (detection: Detection) => void): void;
  close(): Promise<void>;
}
