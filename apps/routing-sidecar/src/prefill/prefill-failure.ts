// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from 'node:http';
import { answerError, answerVerbatim, type WholeAnswer } from '../proxy/answer.ts';
import type { Collected } from '../proxy/collect.ts';
import type { BreakerResult } from './circuit-breaker.ts';

/** Why there is no prefill. */
export type PrefillFailure =
  /** The prefiller answered with an error. */
  | { readonly kind: 'status'; readonly answer: WholeAnswer }
  | {
      readonly kind:
        | 'unreachable'
        | 'reset'
        | 'timeout'
        | 'too-large'
        /** It answered with what is no prefiller's answer. */
        | 'bad-answer'
        /** Its bootstrap server does not say which engine it is. */
        | 'no-engine'
        /** It failed others and was not asked. */
        | 'breaker-open'
        /** The request is no valid HTTP/1.1. */
        | 'unsendable'
        /** The client has left. */
        | 'aborted';
    };

/** What asking a prefiller came to; undefined for a good answer. */
export function prefillFailureOf(collected: Collected): PrefillFailure | undefined {
  switch (collected.kind) {
    case 'answered': {
      const { answer } = collected;
      return answer.status >= 200 && answer.status < 300 ? undefined : { kind: 'status', answer };
    }
    case 'failed':
      return { kind: collected.failure };
    case 'aborted':
      return collected;
  }
}

/** Whether another prefiller, or the decode server, may make up for it. What is the request's own fault they would refuse as well. */
export function mayBeMadeUpFor(failure: PrefillFailure): boolean {
  if (failure.kind === 'unsendable' || failure.kind === 'aborted') return false;
  if (failure.kind !== 'status') return true;
  const { status } = failure.answer;
  return status >= 500 || status === 408 || status === 429;
}

/** Whether the same prefiller may be asked again soon: llm-d's statuses, and what a proxy would tell as one of them. */
export const isPassing = (failure: PrefillFailure): boolean =>
  failure.kind === 'status'
    ? [502, 503, 504].includes(failure.answer.status)
    : failure.kind === 'unreachable' || failure.kind === 'reset';

/** What it says of the prefiller's health. A server that says that it is full is well. */
export function breakerResultOf(failure: PrefillFailure | undefined): BreakerResult {
  if (failure === undefined) return 'well';
  switch (failure.kind) {
    case 'status': {
      const { status } = failure.answer;
      if (status === 503 || status === 429) return 'unknown';
      return status >= 500 ? 'failed' : 'well';
    }
    case 'unreachable':
    case 'reset':
    case 'timeout':
    case 'bad-answer':
      return 'failed';
    default:
      return 'unknown';
  }
}

/** Tells the client of it: an error of the prefiller as it came, as llm-d does. */
export function answerPrefillFailure(
  response: ServerResponse,
  failure: PrefillFailure,
  target: string,
): void {
  switch (failure.kind) {
    case 'status':
      answerVerbatim(response, failure.answer);
      return;
    case 'timeout':
      answerError(response, 'GatewayTimeout', `the prefiller ${target} did not answer in time`);
      return;
    case 'breaker-open':
      answerError(
        response,
        'ServiceUnavailable',
        `the prefiller ${target} is left out, for it failed`,
        {
          'retry-after': '1',
        },
      );
      return;
    case 'unsendable':
      answerError(
        response,
        'BadRequestError',
        'the path or a header of the request cannot be passed on',
      );
      return;
    case 'aborted':
      return;
    default:
      answerError(
        response,
        'BadGateway',
        `the prefiller ${target} failed: ${PROBLEMS[failure.kind]}`,
      );
  }
}

const PROBLEMS = {
  unreachable: 'it cannot be reached',
  reset: 'it broke off',
  'too-large': 'its answer is too large',
  'bad-answer': 'its answer is no JSON object',
  'no-engine': 'its bootstrap server does not say which engine it is',
} as const;
