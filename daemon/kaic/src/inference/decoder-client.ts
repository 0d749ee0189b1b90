import { connectivityState, Metadata, status } from '@grpc/grpc-js';
import { Codec, type DecodeResponse, DecoderServiceClient } from '@opennvr/proto/opennvr/decoder/v1/decoder';
import type { DecoderStatus } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import type { VideoCodec } from '@opennvr/rtsp';
import { dialUnix } from '@opennvr/service';
import { DecodeError, type DecodeFailure, type FrameDecoder } from '../types.ts';

const DEADLINE_MS = 3000;
/** Access units that wait here for the decoder: what the decoder queues is its own bound. */
const MAX_OUTSTANDING = 64;

/** `DecoderService` from kaic's side. */
export class DecoderClient implements FrameDecoder {
  readonly #client: DecoderServiceClient;
  #decoded = 0;
  #failed = 0;
  #outstanding = 0;

  constructor(socketPath: string) {
    this.#client = dialUnix(DecoderServiceClient, socketPath);
    this.#client.getChannel().getConnectivityState(true);
  }

  async decode(codec: VideoCodec, accessUnit: Buffer, maxWidth: number) {
    try {
      const { jpeg, width, height } = await this.#call(codec, accessUnit, maxWidth);
      this.#decoded++;
      return { jpeg, width, height };
    } catch (error) {
      this.#failed++;
      throw error;
    }
  }

  status(): DecoderStatus {
    const connected = this.#client.getChannel().getConnectivityState(true) === connectivityState.READY;
    return { decoded: this.#decoded, failed: this.#failed, connected };
  }

  close(): void {
    this.#client.close();
  }

  #call(codec: VideoCodec, accessUnit: Buffer, maxWidth: number): Promise<DecodeResponse> {
    if (this.#outstanding >= MAX_OUTSTANDING) {
      return Promise.reject(new DecodeError('overloaded', `${MAX_OUTSTANDING} frames wait for the decoder`));
    }
    this.#outstanding++;
    const request = { codec: codec === 'h264' ? Codec.CODEC_H264 : Codec.CODEC_H265, accessUnit, maxWidth };
    return new Promise((resolve, reject) => {
      this.#client.decode(
        request,
        new Metadata(),
        { deadline: Date.now() + DEADLINE_MS },
        (error, response) => {
          this.#outstanding--;
          if (error) reject(new DecodeError(failureOf(error.code), error.details, { cause: error }));
          else resolve(response);
        },
      );
    });
  }
}

function failureOf(code: status): DecodeFailure {
  switch (code) {
    case status.INVALID_ARGUMENT:
      return 'frame';
    case status.RESOURCE_EXHAUSTED:
      return 'overloaded';
    case status.DEADLINE_EXCEEDED:
      return 'deadline';
    default:
      return 'unavailable';
  }
}
