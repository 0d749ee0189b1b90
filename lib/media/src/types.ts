/** Time as this library needs it; structurally the `Clock` of `@opennvr/service`. */
export interface Clock {
  /** Wall clock, ms since the epoch. */
  now(): number;
  /** Monotonic ms. */
  monotonic(): number;
  /** One-shot timer; returns its cancel function. */
  after(ms: number, fn: () => void): () => void;
}

/** `opennvr.media.v1.RtpTransport`. */
export type RtpTransport = -1 | 0 | 1 | 2;

/** A camera as it shall be: the shape of `opennvr.media.v1.Camera`. */
export interface CameraSpec {
  /** Slug: [a-z0-9][a-z0-9_-]{0,62}. */
  id: string;
  /** rtsp:// or rtsps:// without user info. */
  url: string;
  username: string;
  password: string;
  transport: RtpTransport;
  /** SHA-256 of the leaf certificate, 64 hex digits in lower case; '' for rtsp://. */
  tlsFingerprint: string;
  record: boolean;
}

/** The values of `opennvr.media.v1.CameraState`. */
export const STATE = { connecting: 1, online: 2, failed: 3 } as const;
export type CameraState = -1 | 0 | 1 | 2 | 3;

/** The values of `opennvr.media.v1.FailureReason`. */
export const REASON = {
  none: 0,
  unreachable: 1,
  wrongPassword: 2,
  notFound: 3,
  redirected: 4,
  unsupportedCodec: 5,
  protocol: 6,
  stalled: 7,
  tls: 8,
  disconnected: 9,
  engine: 10,
} as const;
export type FailureReason = -1 | (typeof REASON)[keyof typeof REASON];

/** One elementary stream; sizes in pixels, 0 for audio. */
export interface TrackInfo {
  codec: string;
  width: number;
  height: number;
}

/** A camera as it is: the shape of `opennvr.media.v1.CameraStatus`. */
export interface CameraStatus {
  id: string;
  state: CameraState;
  reason: FailureReason;
  /** One sentence for people, without secrets. */
  detail: string;
  since: { seconds: number; nanos: number } | undefined;
  tracks: TrackInfo[];
  recording: boolean;
  bytesReceived: number;
}

/** gRPC status codes this library answers with (grpc/status). */
const CODES = {
  invalid: 3,
  notFound: 5,
  exhausted: 8,
  precondition: 9,
  unavailable: 14,
} as const;

/** The only error this library throws. It has the shape of a gRPC service error. */
export class MediaError extends Error {
  override name = 'MediaError';
  readonly code: number;
  readonly details: string;

  constructor(kind: keyof typeof CODES, details: string, options?: ErrorOptions) {
    super(details, options);
    this.code = CODES[kind];
    this.details = details;
  }
}

/** INVALID_ARGUMENT that names the field. */
export function invalidField(field: string, problem: string): MediaError {
  return new MediaError('invalid', `${field}: ${problem}`);
}

const REASONS = new Map<string, FailureReason>([
  ['unreachable', REASON.unreachable],
  ['unauthorized', REASON.wrongPassword],
  ['not_found', REASON.notFound],
  ['redirected', REASON.redirected],
  ['unsupported', REASON.unsupportedCodec],
  ['protocol', REASON.protocol],
  ['limit', REASON.protocol],
  ['stalled', REASON.stalled],
  ['tls', REASON.tls],
  ['disconnected', REASON.disconnected],
]);

/** What a camera's failure is called for people; `code` as in `RtspError` of `@opennvr/rtsp`. */
export function reasonOf(code: string): FailureReason {
  return REASONS.get(code) ?? REASON.protocol;
}
