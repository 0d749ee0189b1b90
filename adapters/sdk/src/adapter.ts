import type {
  DescribeResponse,
  Detection,
  FrameInput,
  InferRequest,
  InferResult,
  Limits,
  Permissions,
} from '@opennvr/proto/opennvr/inference/v1/inference';
import { ErrorCategory } from '@opennvr/proto/opennvr/inference/v1/inference';

/** Who the adapter is; what is left out gets the contract's default. */
export type Description = Pick<
  DescribeResponse,
  'name' | 'version' | 'vendor' | 'license' | 'model' | 'tasks'
> & {
  labels?: string[];
  input?: Partial<FrameInput>;
  limits?: Partial<Limits>;
  permissions?: Partial<Permissions>;
  /** Frames come over one call, against credits, instead of one call each. */
  streaming?: boolean;
};

export type ResultDetection = Pick<Detection, 'label' | 'confidence' | 'box'> & Partial<Detection>;

/** What an adapter saw; lists that are left out are empty. */
export interface Result {
  detections?: ResultDetection[];
  classifications?: InferResult['classifications'];
  text?: string;
}

/** What an author writes. */
export interface Adapter {
  describe(): Description;
  /**
   * Looks at one frame; `request.frame` has its bytes, however it was delivered. `signal` is aborted when nobody waits for the answer any more: the deadline has passed or
   * the caller has gone. Throw an {@link AdapterError} to say why there is no result.
   */
  infer(request: InferRequest, signal: AbortSignal): Promise<Result> | Result;
}

/** Why there is no result, in the contract's words. */
export class AdapterError extends Error {
  override name = 'AdapterError';
  readonly category: ErrorCategory;
  /** snake_case, stable. */
  readonly code: string;
  readonly transient: boolean;
  readonly retryAfterMs: number;

  constructor(
    code: string,
    message: string,
    options: { category?: ErrorCategory; transient?: boolean; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.category = options.category ?? ErrorCategory.ERROR_CATEGORY_MODEL;
    this.transient = options.transient ?? false;
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }
}
