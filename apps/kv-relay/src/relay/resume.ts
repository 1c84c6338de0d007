// SPDX-License-Identifier: Apache-2.0
import type { NatsKvBus, PlacedMessage } from '@llm-d/kv-events/nats';

/** Where the following of a rank begins. */
export interface Resumption {
  /** The life of the engine that messages name. */
  readonly given: string;
  /** What of that life is on the bus; undefined for nothing. Without a payload its last message is a loss. */
  readonly after:
    | {
        readonly inferred: number;
        readonly sequence: number;
        readonly payload?: Uint8Array | undefined;
      }
    | undefined;
}

/** Stands before the time at which a pod was said to be gone, though this life of it goes on. */
const AGAIN = '+';

/**
 * What a bus tells about a rank whose pod now lives its life `epoch`. What another relay, or this one before it was started
 * anew, has published of that life is not published again. A life that was said to be gone is another one from then on:
 * readers have forgotten what it held, and take it from its first batch.
 */
export async function resumeFrom(
  bus: Pick<NatsKvBus, 'latestOf' | 'latestGoneOf'>,
  { pod, dpRank, epoch }: { readonly pod: string; readonly dpRank: number; readonly epoch: string },
): Promise<Resumption> {
  const [latest, gone] = await Promise.all([bus.latestOf({ pod, dpRank }), bus.latestGoneOf(pod)]);
  const known = latest && lifeOf(latest);
  if (known === undefined || !isLife(known.given, epoch)) return { given: epoch, after: undefined };
  if (gone !== undefined && latest !== undefined && gone.position > latest.position) {
    const goneMs = gone.message.receivedMs.toString(36);
    return { given: `${epoch}${AGAIN}${goneMs}`, after: undefined };
  }
  const { given, ...after } = known;
  return { given, after };
}

interface KnownLife {
  readonly given: string;
  readonly inferred: number;
  readonly sequence: number;
  readonly payload: Uint8Array | undefined;
}

/** What the last message of a rank says. Restarts that were inferred stand behind a slash. */
function lifeOf({ message }: PlacedMessage): KnownLife | undefined {
  if (message.kind !== 'batch' && message.kind !== 'loss') return undefined;
  const sequence = message.kind === 'batch' ? message.sequence : message.untilSequence;
  const [given = '', inferred = '0'] = message.source.epoch.split('/');
  const payload = message.kind === 'batch' ? message.payload : undefined;
  return { given, inferred: Number(inferred), sequence, payload };
}

const isLife = (given: string, epoch: string): boolean =>
  given === epoch || given.startsWith(`${epoch}${AGAIN}`);
