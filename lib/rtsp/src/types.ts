/** Time as this library needs it; structurally the `Clock` of `@opennvr/service`. */
export interface Clock {
  /** Wall clock, ms since the epoch. */
  now(): number;
  /** Monotonic ms. */
  monotonic(): number;
  /** One-shot timer; returns its cancel function. */
  after(ms: number, fn: () => void): () => void;
}

/** Uniform in [0, 1). */
export type Random = () => number;

export type VideoCodec = 'h264' | 'h265';

/** Out-of-band parameter sets (SDP `sprop-*`), NAL units without start codes. */
export interface ParameterSets {
  vps?: Buffer;
  sps?: Buffer;
  pps?: Buffer;
  /** Those beyond the first of each kind, as encoders with two PPS send them. */
  more?: Buffer[];
}

/** One media section of a session description. */
export interface Track {
  /** Position in the session description. */
  index: number;
  kind: 'video' | 'audio' | 'other';
  /** `h264`, `h265`, `aac`, `opus`, `pcma`, `pcmu`, otherwise the encoding name in lower case. */
  codec: string;
  payloadType: number;
  /** RTP clock, Hz. */
  clockRate: number;
  /** Audio channels; 0 when not given. */
  channels: number;
  /** The `a=control` value as given; '' when absent. */
  control: string;
  /** `a=fmtp` parameters, keys in lower case. */
  fmtp: ReadonlyMap<string, string>;
  parameterSets: ParameterSets;
}

/** One access unit (ISO/IEC 14496-10 3.1, ISO/IEC 23008-2 3.1): all NAL units of one picture. */
export interface AccessUnit {
  codec: VideoCodec;
  /** NAL units without start codes, decoding order. Owned by the receiver: they do not change later. */
  nalUnits: Buffer[];
  /** H.264 IDR (type 5) or H.265 IRAP (types 16 to 23). */
  keyframe: boolean;
  /** RTP timestamp as sent, 32 bit. */
  rtpTimestamp: number;
  /** True when packets of this access unit were lost; its NAL units may be incomplete. */
  damaged: boolean;
}

/** Why a session did not work out; the caller maps it to what people read. */
export type FailureCode =
  | 'unreachable'
  | 'unauthorized'
  | 'not_found'
  | 'redirected'
  | 'unsupported'
  | 'protocol'
  | 'limit'
  | 'stalled'
  | 'tls'
  | 'disconnected'
  | 'cancelled';

/** The only error this library throws or reports. `message` never holds a credential. */
export class RtspError extends Error {
  override name = 'RtspError';
  readonly code: FailureCode;
  /** RTSP status code when the peer gave one. */
  readonly status: number | undefined;

  constructor(code: FailureCode, message: string, options: { status?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status;
  }
}

/** Upper bounds on what a peer may make us hold. */
export const LIMITS = {
  /** Bytes of one access unit. */
  accessUnit: 16 * 1024 * 1024,
  /** Bytes of one message's start line and headers together. */
  headers: 64 * 1024,
  /** Bytes of a message body (session description). */
  body: 256 * 1024,
  /** NAL units in one access unit. */
  nalUnits: 4096,
  /** Media sections in one session description. */
  tracks: 32,
} as const;
