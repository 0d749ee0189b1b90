import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type {
  Box,
  DescribeResponse,
  InferRequest,
  InferResponse,
  InferStreamRequest,
  InferStreamResponse,
} from '../gen/opennvr/inference/v1/inference.ts';
import attributesSchema from '../schemas/attributes.json' with { type: 'json' };
import boxSchema from '../schemas/box.json' with { type: 'json' };
import describeSchema from '../schemas/describe.json' with { type: 'json' };
import errorSchema from '../schemas/infer-error.json' with { type: 'json' };
import requestSchema from '../schemas/infer-request.json' with { type: 'json' };
import responseSchema from '../schemas/infer-response.json' with { type: 'json' };
import resultSchema from '../schemas/infer-result.json' with { type: 'json' };
import streamRequestSchema from '../schemas/infer-stream-request.json' with { type: 'json' };
import streamResponseSchema from '../schemas/infer-stream-response.json' with { type: 'json' };

// The published schemas, enforced on both ends of the socket. Each function returns the first problem with its
// path, `result.detections[2].box.w: must be <= 1`, or undefined when there is none.

const ajv = new Ajv2020({ allErrors: false, strict: true, allowUnionTypes: true });
ajv.addSchema([attributesSchema, boxSchema, requestSchema, resultSchema, errorSchema, responseSchema]);
const describe = ajv.compile(describeSchema);
const request = compiled(requestSchema.$id);
const response = compiled(responseSchema.$id);
const streamRequest = ajv.compile(streamRequestSchema);
const streamResponse = ajv.compile(streamResponseSchema);

/** Rounding that a box computed in 32-bit floats may carry. */
const EPSILON = 1e-6;

/** What is wrong with a request, apart from its bytes, which only a decoder can judge. */
export function inferRequestProblem(message: InferRequest): string | undefined {
  return problem(request, message) ?? beyondRequestSchema(message);
}

/** What is wrong with an answer. */
export function inferResponseProblem({ outcome }: InferResponse): string | undefined {
  if (outcome === undefined) return 'outcome: is neither result nor error';
  return problem(response, { [outcome.$case]: outcome.value }) ?? beyondResponseSchema(outcome);
}

/** What is wrong with a self-description. */
export function describeProblem(message: DescribeResponse): string | undefined {
  return problem(describe, message);
}

/** What is wrong with what kaic sends into a stream. */
export function inferStreamRequestProblem({ event }: InferStreamRequest): string | undefined {
  if (event === undefined) return 'event: is neither frame nor cancel';
  const broken = problem(streamRequest, { [event.$case]: event.value });
  if (broken !== undefined || event.$case === 'cancel') return broken;
  return event.value.request && beyondRequestSchema(event.value.request, 'frame.request.');
}

/** What is wrong with what an adapter sends into a stream. */
export function inferStreamResponseProblem({ event }: InferStreamResponse): string | undefined {
  if (event === undefined) return 'event: is neither credits nor outcome';
  if (event.$case === 'credits') return problem(streamResponse, { credits: event.value });
  const { correlationId, response: answer } = event.value;
  const { outcome } = answer ?? {};
  if (outcome === undefined) return 'outcome.response: is neither result nor error';
  const plain = { outcome: { correlationId, response: { [outcome.$case]: outcome.value } } };
  return problem(streamResponse, plain) ?? beyondResponseSchema(outcome, 'outcome.response.');
}

function beyondRequestSchema({ frame, frameUri, region }: InferRequest, at = ''): string | undefined {
  if (frame.length === 0 && frameUri === '') return `${at}frame: is empty, and frame_uri names none`;
  return region && leavesPicture(region, `${at}region`);
}

function beyondResponseSchema(outcome: NonNullable<InferResponse['outcome']>, at = ''): string | undefined {
  if (outcome.$case === 'error') return undefined;
  for (const [index, { box }] of outcome.value.detections.entries()) {
    const broken = box && leavesPicture(box, `${at}result.detections[${index}].box`);
    if (broken !== undefined) return broken;
  }
  return undefined;
}

function leavesPicture({ x, y, w, h }: Box, at: string): string | undefined {
  if (x + w > 1 + EPSILON) return `${at}: x + w exceeds 1`;
  return y + h > 1 + EPSILON ? `${at}: y + h exceeds 1` : undefined;
}

function problem(validate: ValidateFunction, value: unknown): string | undefined {
  if (validate(value)) return undefined;
  const first = validate.errors?.[0];
  const path = (first?.instancePath ?? '').replace(/\/(\d+)(?=\/|$)/g, '[$1]').replaceAll('/', '.');
  const named = path.replace(/^\./, '').slice(0, 200);
  const extra =
    first?.keyword === 'additionalProperties'
      ? ` (${String(first.params.additionalProperty).slice(0, 100)})`
      : '';
  return `${named === '' ? 'message' : named}: ${first?.message ?? 'is invalid'}${extra}`;
}

function compiled(id: string): ValidateFunction {
  const validate = ajv.getSchema(id);
  if (!validate) throw new Error(`no schema ${id}`);
  return validate;
}
