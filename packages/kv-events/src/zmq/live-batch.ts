// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import type { EngineBatch } from './engine-batch.ts';
import { readSequence } from './sequence-frame.ts';

/** The batch in the three frames of a PUB message: topic, number, payload. Undefined for anything else. */
export function liveBatch(frames: readonly Buffer[], clock: Clock): EngineBatch | undefined {
  const [topic, number, payload] = frames;
  const sequence = readSequence(number);
  if (frames.length !== 3 || topic === undefined || payload === undefined) return undefined;
  if (sequence === undefined || sequence === 'end') return undefined;
  return { sequence, topic, payload, receivedMs: clock.epochMs() };
}
