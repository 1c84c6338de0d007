// SPDX-License-Identifier: Apache-2.0
import { droppedReasonHeader, type Refusal } from '@llm-d/endpoint-picker';
import { apiError, apiErrorBody, type ApiError, type ApiKind } from '@llm-d/inference-api';
import type { ProcessingResponseInit } from '@llm-d/protos';
import { setHeader } from './header-map.ts';

/** Why a client gets its answer from here instead of a model server. */
export type Denial =
  | { readonly kind: 'refusal'; readonly refusal: Refusal }
  /** The request is at fault. */
  | { readonly kind: 'bad-request'; readonly error: ApiError }
  /** A request without a body found an empty pool; llm-d answers it in its own way. */
  | { readonly kind: 'empty-pool'; readonly refusal: Refusal }
  /** The endpoint picker is at fault. */
  | { readonly kind: 'internal' };

export interface ImmediateAnswerOptions {
  readonly format: 'text' | 'openai';
  /** Decides the shape of the body in the format `openai`; undefined where the path named no API. */
  readonly api: ApiKind | undefined;
}

/** The message that makes the proxy answer the client itself. */
export function immediateAnswer(
  denial: Denial,
  { format, api }: ImmediateAnswerOptions,
): ProcessingResponseInit {
  const { status, body, headers } = format === 'text' ? textOf(denial) : jsonOf(denial, api);
  return {
    immediateResponse: {
      status: { code: status },
      body: Buffer.from(body),
      ...(headers.length > 0 && {
        headers: { setHeaders: headers.map(([name, value]) => setHeader(name, value)) },
      }),
    },
  };
}

interface Content {
  readonly status: number;
  readonly body: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** llm-d's names of the statuses that it answers with; 413 is ours. */
const CODES: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  412: 'PreconditionFailed',
  413: 'PayloadTooLarge',
  429: 'ResourceExhausted',
  500: 'Internal',
  503: 'ServiceUnavailable',
};

const lineOf = (status: number, message: string): string =>
  `inference error: ${CODES[status] ?? 'Internal'} - ${message}`;

const reasonOf = ({ reason }: Refusal) => [droppedReasonHeader, reason] as const;

function textOf(denial: Denial): Content {
  switch (denial.kind) {
    case 'refusal': {
      const { status, message, reason } = denial.refusal;
      // The one text of llm-d that begins otherwise.
      const body = reason === 'evicted' ? message : lineOf(status, message);
      return { status, body, headers: [reasonOf(denial.refusal)] };
    }
    case 'empty-pool':
      return {
        status: 500,
        body: lineOf(500, 'no pods available in datastore'),
        headers: [reasonOf(denial.refusal)],
      };
    case 'bad-request': {
      const { status, message } = denial.error;
      const prefix = isUnreadable(denial.error) ? 'error unmarshaling request bodyMap: ' : '';
      return { status, body: lineOf(status, prefix + message), headers: [] };
    }
    case 'internal':
      return { status: 500, body: lineOf(500, INTERNAL), headers: [] };
  }
}

/** Whether a body is no JSON object at all: llm-d's words for that are looked for by tests and by clients. */
const isUnreadable = ({ code, param }: ApiError): boolean =>
  code === 'invalid_json' ||
  code === 'invalid_utf8' ||
  code === 'nesting_too_deep' ||
  (code === 'invalid_type' && param === null);

const INTERNAL = 'the endpoint picker failed to handle the request';

const REFUSAL_CODES = {
  412: 'invalid_value',
  429: 'rate_limit_exceeded',
  503: 'service_unavailable',
} as const;

function jsonOf(denial: Denial, api: ApiKind | undefined): Content {
  const type = ['content-type', 'application/json'] as const;
  if (denial.kind === 'bad-request' || denial.kind === 'internal') {
    const error = denial.kind === 'internal' ? apiError('internal_error', INTERNAL) : denial.error;
    return { status: error.status, body: apiErrorBody(error, api), headers: [type] };
  }
  const { refusal } = denial;
  const error = apiError(REFUSAL_CODES[refusal.status], refusal.message);
  return {
    status: refusal.status,
    body: apiErrorBody(error, api),
    headers: [type, ['retry-after', String(refusal.retryAfterSeconds)], reasonOf(refusal)],
  };
}
