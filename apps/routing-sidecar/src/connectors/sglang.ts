// SPDX-License-Identifier: Apache-2.0
import { randomBelow } from '@llm-d/determinism';
import { withMembers } from '../body/request-body.ts';
import type { Connector, PlanContext } from './connector.ts';

/**
 * SGLang: both servers get the same request at the same time and meet in a room at the prefiller's bootstrap server. A
 * decode server that was started as such cannot compute a prompt by itself.
 */
export const sglang: Connector = {
  name: 'sglang',
  failurePolicies: ['retry', 'error'],
  findsEngine: false,
  probe: () => undefined,
  plan: ({ body }, context) => {
    const changes = new Map([
      ['bootstrap_host', JSON.stringify(context.target.host)],
      ['bootstrap_port', String(context.settings.sglangBootstrapPort)],
      ['bootstrap_room', roomOf(context)],
    ]);
    const leg = { body: withMembers(body, changes) };
    return { kind: 'concurrent', prefill: leg, decode: leg };
  },
  alone: ({ body }) => ({ body: body.bytes }),
};

/** A number that nobody else has: nanoseconds since 1970 and a little chance, beyond what a JavaScript number holds. */
function roomOf({ epochMs, random }: PlanContext): string {
  const wholeMs = Math.floor(epochMs);
  const nanos = Math.floor((epochMs - wholeMs) * 1e6);
  return String(BigInt(wholeMs) * 1_000_000n + BigInt(nanos) + BigInt(randomBelow(random, 1000)));
}
