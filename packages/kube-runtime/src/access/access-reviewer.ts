// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import { createHash } from 'node:crypto';
import { subjectAccessReviews, tokenReviews, type TokenReview } from '../built-in-types.ts';
import type { KubeClient } from '../client/client.ts';
import { apiVersionOf, type ResourceType } from '@llm-d/crd-types';

/** Whose a token is, as the API server says. */
export interface KubeUser {
  readonly username: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** What became of a token. */
export type TokenVerdict =
  | { readonly authenticated: true; readonly user: KubeUser }
  | { readonly authenticated: false; readonly reason: string };

export interface AccessReviewerOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  /** How long a verdict is believed. Default 60,000. */
  readonly ttlMs?: number;
  /** Verdicts that are remembered of each kind; the oldest goes first. Default 1024. */
  readonly maxEntries?: number;
  /** Longest that a question may take. Default 5000. */
  readonly timeoutMs?: number;
}

/**
 * Asks the API server who somebody is and what they may do, and remembers the answers for a while. Equal questions at the
 * same moment are asked once. Rejects with the errors of a client when there is no answer, which is not remembered.
 */
export interface AccessReviewer {
  /** Whose the bearer token is. */
  reviewToken(token: string): Promise<TokenVerdict>;
  /** Whether the user may GET a path such as `/metrics` that belongs to no resource. */
  mayGet(user: KubeUser, path: string): Promise<boolean>;
}

export function createAccessReviewer(options: AccessReviewerOptions): AccessReviewer {
  const { client, timeoutMs = 5000 } = options;
  const verdicts = rememberFor<TokenVerdict>(options);
  const permissions = rememberFor<boolean>(options);
  return {
    reviewToken: (token) =>
      // Tokens themselves are not kept in memory.
      verdicts(createHash('sha256').update(token).digest('base64'), async () => {
        const review = await client.create(
          tokenReviews,
          { ...objectOf(tokenReviews), spec: { token } },
          { timeoutMs },
        );
        return verdictOf(review);
      }),
    mayGet: (user, path) =>
      permissions(JSON.stringify([user, path]), async () => {
        const { username, uid, groups, extra } = user;
        const review = await client.create(
          subjectAccessReviews,
          {
            ...objectOf(subjectAccessReviews),
            spec: {
              user: username,
              uid,
              groups,
              extra,
              nonResourceAttributes: { path, verb: 'get' },
            },
          },
          { timeoutMs },
        );
        return review.status?.allowed === true;
      }),
  };
}

/** Reviews have no name: they are not stored. */
const objectOf = (type: ResourceType) => ({
  apiVersion: apiVersionOf(type),
  kind: type.kind,
  metadata: { name: '' },
});

function verdictOf({ status }: TokenReview): TokenVerdict {
  const { username, uid = '', groups = [], extra = {} } = status?.user ?? {};
  if (status?.authenticated !== true || username === undefined) {
    return { authenticated: false, reason: status?.error ?? 'the token is not valid' };
  }
  return { authenticated: true, user: { username, uid, groups, extra } };
}

/** Remembers answers by their questions, those that failed excepted. */
function rememberFor<T>({ clock, ttlMs = 60_000, maxEntries = 1024 }: AccessReviewerOptions) {
  const answers = new Map<string, { readonly answer: Promise<T>; readonly untilMs: number }>();
  return (question: string, ask: () => Promise<T>): Promise<T> => {
    const known = answers.get(question);
    if (known !== undefined && clock.nowMs() < known.untilMs) return known.answer;
    const answer = ask();
    const entry = { answer, untilMs: clock.nowMs() + ttlMs };
    answers.delete(question);
    answers.set(question, entry);
    const [oldest] = answers.keys();
    if (answers.size > maxEntries && oldest !== undefined) answers.delete(oldest);
    answer.catch(() => {
      if (answers.get(question) === entry) answers.delete(question);
    });
    return answer;
  };
}
