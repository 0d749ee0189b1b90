import * as grpc from '@grpc/grpc-js';
import {
  Codec,
  type DecodeRequest,
  type DecodeResponse,
  DecoderServiceService,
} from '@opennvr/proto/opennvr/decoder/v1/decoder';
import { invalidArgument, type ServiceEntry, service, statusError, unary } from '@opennvr/service';
import { DecodeFailure, type FailureReason } from './errors.ts';
import type { DecoderPool } from './pool.ts';

const MAX_ACCESS_UNIT_BYTES = 16 * 1024 * 1024;
const MAX_WIDTH = 16_384;

const STATUS: Record<FailureReason, grpc.status> = {
  frame: grpc.status.INVALID_ARGUMENT,
  worker: grpc.status.UNAVAILABLE,
  busy: grpc.status.RESOURCE_EXHAUSTED,
  cancelled: grpc.status.CANCELLED,
};

/** `opennvr.decoder.v1.DecoderService` over a pool. */
export function decoderService(pool: DecoderPool): ServiceEntry {
  return service('opennvr.decoder.v1.DecoderService', DecoderServiceService, {
    decode: unary<DecodeRequest, DecodeResponse>(async (request, call) => {
      const codec = codecName(request.codec);
      if (request.accessUnit.length === 0) throw invalidArgument('access_unit', 'is empty');
      if (request.accessUnit.length > MAX_ACCESS_UNIT_BYTES) {
        throw invalidArgument('access_unit', 'is larger than 16 MiB');
      }
      if (request.maxWidth > MAX_WIDTH) throw invalidArgument('max_width', `is above ${MAX_WIDTH}`);
      const abort = new AbortController();
      call.on('cancelled', () => abort.abort());
      try {
        const { data, width, height } = await pool.decode(
          codec,
          request.accessUnit,
          request.maxWidth,
          abort.signal,
        );
        return { jpeg: data, width, height };
      } catch (error) {
        if (!(error instanceof DecodeFailure)) throw error;
        const what = error.reason === 'frame' ? `access_unit: ${error.message}` : error.message;
        throw statusError(STATUS[error.reason], what);
      }
    }),
  });
}

function codecName(codec: Codec): 'h264' | 'h265' {
  if (codec === Codec.CODEC_H264) return 'h264';
  if (codec === Codec.CODEC_H265) return 'h265';
  throw invalidArgument('codec', 'is neither CODEC_H264 nor CODEC_H265');
}
