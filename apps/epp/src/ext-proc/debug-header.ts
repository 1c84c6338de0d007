// SPDX-License-Identifier: Apache-2.0
import { explainRecord, type DecisionLog } from '@llm-d/endpoint-picker';
import { createHash, timingSafeEqual } from 'node:crypto';

/** Header by which somebody who knows the secret asks for the decision about a request. Never reaches a model server. */
export const debugRequestHeader = 'x-llm-d-debug';
/** Header of the answer that tells it. */
export const debugAnswerHeader = 'x-llm-d-decision';

/** Best-rated endpoints that the header tells of: proxies bound the size of heads. */
const TOLD = 5;

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Whether a value is the secret, compared in the same time whatever it is. Without a secret nobody may ask.
 */
export function createDebugGate(
  secret: string | undefined,
): (value: string | undefined) => boolean {
  if (secret === undefined) return () => false;
  const expected = digest(secret);
  return (value) => value !== undefined && timingSafeEqual(digest(value), expected);
}

/** The last decision about a request as the value of a header: JSON in ASCII. Undefined where it is not remembered. */
export function decisionHeader(decisions: DecisionLog, requestId: string): string | undefined {
  const record = decisions.find(requestId).at(-1);
  if (record === undefined) return undefined;
  const { attempt, waitedMs, promptTokens, decision } = explainRecord(record);
  const primary = decision?.profiles.find(({ profile }) => profile === decision.primary);
  const told = {
    endpoint: decision?.endpoints[0],
    attempt,
    waitedMs,
    promptTokens,
    candidates: primary?.candidates.length,
    verdict: primary?.verdict,
    rated: primary?.rated.slice(0, TOLD).map(({ endpoint, total, scores }) => ({
      endpoint,
      total,
      scores: Object.fromEntries(scores.map(({ plugin, weighted }) => [plugin, weighted])),
    })),
    stages: decision?.stages,
  };
  return JSON.stringify(told).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
