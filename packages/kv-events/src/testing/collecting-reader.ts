// SPDX-License-Identifier: Apache-2.0
import type { KvBus, KvBusPosition, KvBusReader } from '../kv-bus.ts';
import type { KvMessage } from '../kv-message.ts';

/** A reader that keeps what it is told. Disposing of it ends the reading. */
export interface CollectingReader extends AsyncDisposable {
  readonly messages: readonly KvMessage[];
  readonly positions: readonly KvBusPosition[];
  /** What it was told of truncation, and after how many messages. */
  readonly truncations: readonly { readonly until: KvBusPosition; readonly after: number }[];
  readonly caughtUp: readonly boolean[];
  /** Fulfilled when it has as many messages, and rejected when they do not come. */
  has(messages: number): Promise<void>;
  until(condition: () => boolean): Promise<void>;
  /** Ends with the reading. */
  readonly ended: Promise<void>;
}

export interface CollectingOptions {
  readonly after?: KvBusPosition | undefined;
  /** What it does before it keeps a message. */
  readonly onMessage?: KvBusReader['onMessage'];
}

const PATIENCE_MS = 30_000;

/** Starts reading. */
export function collect(bus: KvBus, options: CollectingOptions = {}): CollectingReader {
  const { after, onMessage } = options;
  const stop = new AbortController();
  const messages: KvMessage[] = [];
  const positions: KvBusPosition[] = [];
  const truncations: { until: KvBusPosition; after: number }[] = [];
  const caughtUp: boolean[] = [];
  let changed = (): void => undefined;
  const reader: KvBusReader = {
    onMessage: async (message, position) => {
      await onMessage?.(message, position);
      messages.push(message);
      positions.push(position);
      changed();
    },
    onTruncated: (until) => {
      truncations.push({ until, after: messages.length });
      changed();
    },
    onCaughtUp: (isCaughtUp) => {
      caughtUp.push(isCaughtUp);
      changed();
    },
  };
  const ended = bus.read(reader, { after, signal: stop.signal });
  const until = async (condition: () => boolean): Promise<void> => {
    const timeout = AbortSignal.timeout(PATIENCE_MS);
    while (!condition()) {
      await new Promise<void>((resolve, reject) => {
        changed = resolve;
        timeout.onabort = () => {
          reject(new Error(`only ${messages.length} messages came`));
        };
      });
    }
  };
  return {
    messages,
    positions,
    truncations,
    caughtUp,
    has: (count) => until(() => messages.length >= count),
    until,
    ended,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await ended;
    },
  };
}
