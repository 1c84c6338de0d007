// SPDX-License-Identifier: Apache-2.0
import { createRandom, randomBelow } from '@llm-d/determinism';
import type { KvEngine } from './kv-engine.ts';
import { ask, type Prompt } from './prompts.ts';

/** Requests that keep engines' caches changing. */
export interface KvLoad {
  /** Requests that were answered so far. */
  readonly answered: number;
  /** Resolves when so many more were answered. */
  more(answers: number): Promise<void>;
  /** Sends no more; resolves when every request has ended. */
  stop(): Promise<void>;
}

/** Sends prompts to engines, two requests at a time to each, in an order that depends on `seed` alone. */
export function startKvLoad(
  engines: readonly KvEngine[],
  prompts: readonly Prompt[],
  seed: number,
): KvLoad {
  let answered = 0;
  let isStopped = false;
  const waiting = new Set<{ readonly until: number; readonly resolve: () => void }>();
  const client = async (engine: KvEngine, number: number): Promise<void> => {
    const random = createRandom(1000 * seed + number);
    while (!isStopped) {
      const prompt = prompts[randomBelow(random, prompts.length)];
      if (prompt === undefined) return;
      const status = await ask(engine.url, engine.model, prompt, {
        maxTokens: 1 + randomBelow(random, 20),
      });
      if (status === 200) answered++;
      for (const waiter of waiting) if (waiter.until <= answered) waiter.resolve();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const clients = engines.flatMap((engine, i) => [
    client(engine, 2 * i),
    client(engine, 2 * i + 1),
  ]);
  return {
    get answered() {
      return answered;
    },
    more: async (answers) => {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      const waiter = {
        until: answered + answers,
        resolve: () => {
          resolve(undefined);
        },
      };
      waiting.add(waiter);
      await promise;
      waiting.delete(waiter);
    },
    stop: async () => {
      isStopped = true;
      await Promise.all(clients);
    },
  };
}
