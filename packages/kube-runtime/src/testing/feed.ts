// SPDX-License-Identifier: Apache-2.0

/** A stream of bytes that is written to from outside, for one reader. */
export interface Feed {
  readonly body: AsyncIterable<Uint8Array>;
  readonly write: (text: string) => void;
  /** Ends it after what was written. */
  readonly end: () => void;
  /** Breaks it at once, as a lost connection. */
  readonly break: (error: Error) => void;
}

/** A feed; `onLeave` is called once when it is over, whichever side ended it. */
export function createFeed(onLeave: () => void): Feed {
  const chunks: Uint8Array[] = [];
  let state: { kind: 'open' } | { kind: 'ended' } | { kind: 'broken'; error: Error } = {
    kind: 'open',
  };
  let wake: (() => void) | undefined;
  let left = false;
  const leave = (): void => {
    if (left) return;
    left = true;
    onLeave();
  };
  const settle = (next: typeof state): void => {
    if (state.kind === 'open') state = next;
    leave();
    wake?.();
  };
  async function* read(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const now = state;
        if (now.kind === 'broken') throw now.error;
        const chunk = chunks.shift();
        if (chunk !== undefined) yield chunk;
        else if (now.kind === 'ended') return;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      leave();
    }
  }
  return {
    body: read(),
    write: (text) => {
      if (state.kind !== 'open') return;
      chunks.push(Buffer.from(text));
      wake?.();
    },
    end: () => {
      settle({ kind: 'ended' });
    },
    break: (error) => {
      settle({ kind: 'broken', error });
    },
  };
}
