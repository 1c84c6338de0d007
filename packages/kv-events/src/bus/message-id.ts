// SPDX-License-Identifier: Apache-2.0
import type { KvEventSource } from '@llm-d/kv-index';
import type { KvMessage } from '../kv-message.ts';

/** What a bus keeps; heartbeats pass. */
export type KeptMessage = Exclude<KvMessage, { kind: 'heartbeat' }>;

/** Names a message that a bus keeps; equal for the same message published again, by whomever. */
export function messageId(message: KeptMessage): string {
  if (message.kind === 'gone') return `${message.pod}///${message.receivedMs}/gone`;
  const { pod, dpRank, epoch } = message.source;
  const sequence =
    message.kind === 'batch'
      ? `${message.sequence}`
      : `${message.fromSequence}-${message.untilSequence}`;
  return `${pod}/${dpRank}/${epoch}/${sequence}/${message.kind}`;
}

/** Names the publisher, over all its lives. */
export const sourceId = ({ pod, dpRank }: KvEventSource): string => `${pod}/${dpRank}`;
