import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { DescribeResponse, InferRequest, InferResponse } from '../gen/opennvr/inference/v1/inference.ts';
import describeSchema from '../schemas/describe.json' with { type: 'json' };
import errorSchema from '../schemas/infer-error.json' with { type: 'json' };
import requestSchema from '../schemas/infer-request.json' with { type: 'json' };
import resultSchema from '../schemas/infer-result.json' with { type: 'json' };

// The published schemas, enforced on both ends of the socket. Each function returns the first problem with its
// path, `detections[2].box.w: must be <= 1`, or undefined when there is none.

const ajv = new Ajv2020({ allErrors: false, strict: true, allowUnionTypes: true });
const request = ajv.compile(requestSchema);
const result = ajv.compile(resultSchema);
const error = ajv.compile(errorSchema);
const describe = ajv.compile(describeSchema);

/** Rounding that a box computed in 32-bit floats may carry. */
const EPSILON = 1e-6;

/** What is wrong with a request, apart from its bytes, which only a decoder can judge. */
export function inferRequestProblem(message: InferRequest): string | undefined {
  return problem(request, message) ?? (message.frame.length === 0 ? 'frame: is empty' : undefined);
}

/** What is wrong with an answer. */
export function inferResponseProblem({ outcome }: InferResponse): string | undefined {
  if (outcome === undefined) return 'outcome: is neither result nor error';
  if (outcome.$case === 'error') return problem(error, outcome.value, 'error');
  const broken = problem(result, outcome.value);
  if (broken !== undefined) return broken;
  for (const [index, { box }] of outcome.value.detections.entries()) {
    if (!box) continue;
    if (box.x + box.w > 1 + EPSILON) return `detections[${index}].box: x + w exceeds 1`;
    if (box.y + box.h > 1 + EPSILON) return `detections[${index}].box: y + h exceeds 1`;
  }
  return undefined;
}

/** What is wrong with a self-description. */
export function describeProblem(message: DescribeResponse): string | undefined {
  return problem(describe, message);
}

function problem(validate: ValidateFunction, value: unknown, root = ''): string | undefined {
  if (validate(value)) return undefined;
  const first = validate.errors?.[0];
  const path = (first?.instancePath ?? '').replace(/\/(\d+)(?=\/|$)/g, '[$1]').replaceAll('/', '.');
  const named = `${root}${path}`.replace(/^\./, '');
  const extra =
    first?.keyword === 'additionalProperties' ? ` (${String(first.params.additionalProperty)})` : '';
  return `${named === '' ? 'message' : named}: ${first?.message ?? 'is invalid'}${extra}`;
}
