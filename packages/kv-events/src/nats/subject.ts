// SPDX-License-Identifier: Apache-2.0
import type { KvEventSource } from '@llm-d/kv-index';
import type { KvMessage } from '../kv-message.ts';

/** Fixed for good: consumers that share the work by partition and publishers must agree. */
export const PARTITIONS = 64;

/** Stands for an empty name, which is no token. */
const NONE = '_';

/** Which of the 64 partitions a pod is in: FNV-1a over the UTF-8 bytes of its name. */
export function partitionOf(pod: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(pod)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash % PARTITIONS;
}

/** Any name as one token of a subject: percent-encoded as in a URL, with all that NATS gives a meaning to. */
export function encodeToken(name: string): string {
  if (name === '') return NONE;
  const escape = (character: string) =>
    `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  // A lone underscore stands for an empty name.
  if (name === NONE) return escape(NONE);
  return encodeURIComponent(name.toWellFormed()).replace(/[.*!'()~]/g, escape);
}

/** Where a message travels: `<prefix>.<partition>.<model>.<pod>.<rank>`. */
export function subjectOf(prefix: string, message: KvMessage): string {
  const { pod, model, rank } =
    message.kind === 'gone'
      ? { pod: message.pod, model: '', rank: '' }
      : {
          pod: message.source.pod,
          model: message.source.model,
          rank: `${message.source.dpRank}`,
        };
  return [prefix, partitionOf(pod), ...[model, pod, rank].map(encodeToken)].join('.');
}

/** The subjects of one source, whatever it serves. */
export const anyModelSubject = (
  prefix: string,
  { pod, dpRank }: Pick<KvEventSource, 'pod' | 'dpRank'>,
): string => `${prefix}.${partitionOf(pod)}.*.${encodeToken(pod)}.${dpRank}`;
