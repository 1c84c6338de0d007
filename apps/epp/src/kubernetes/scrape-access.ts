// SPDX-License-Identifier: Apache-2.0
import type { AccessReviewer } from '@llm-d/kube-runtime';
import type { Conditions } from './conditions.ts';

/** Whether somebody may see what this process says about itself. */
export type AccessVerdict =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly status: 401 | 403 | 503; readonly reason: string };

/** Decides about a request by its `authorization` header. Never rejects. */
export type ScrapeAccess = (authorization: string | undefined) => Promise<AccessVerdict>;

/** The permission that is asked for, whatever is to be seen: what scrapes of llm-d's endpoint pickers are given. */
const PATH = '/metrics';
const accessCondition = 'MetricsAccess';

/**
 * Lets those in whose bearer token the API server knows and who may GET `/metrics`. While nobody can be asked nobody new is
 * let in: 503.
 */
export function createScrapeAccess(reviewer: AccessReviewer, conditions: Conditions): ScrapeAccess {
  const judge = async (token: string): Promise<AccessVerdict> => {
    const verdict = await reviewer.reviewToken(token);
    if (!verdict.authenticated) {
      return { allowed: false, status: 401, reason: verdict.reason };
    }
    const { user } = verdict;
    if (await reviewer.mayGet(user, PATH)) return { allowed: true };
    const reason = `${user.username} may not get the path ${PATH}`;
    return { allowed: false, status: 403, reason };
  };
  return async (authorization) => {
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) {
      return { allowed: false, status: 401, reason: 'a bearer token is required' };
    }
    try {
      const verdict = await judge(token);
      const message = 'tokens and permissions can be reviewed';
      conditions.set(accessCondition, { status: 'True', reason: 'Reviewed', message });
      return verdict;
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      const reason = `who may scrape cannot be reviewed: ${problem}`;
      conditions.set(accessCondition, { status: 'False', reason: 'NotReviewed', message: reason });
      return { allowed: false, status: 503, reason };
    }
  };
}
