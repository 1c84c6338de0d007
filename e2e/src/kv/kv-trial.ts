// SPDX-License-Identifier: Apache-2.0
import { systemClock } from '@llm-d/determinism';
import { createKvRedisReader } from '@llm-d/kv-index/redis';
import { untilConverged, type ConvergenceOptions, type Sample } from './convergence.ts';
import { BLOCK_SIZE_TOKENS, type KvEngine } from './kv-engine.ts';
import { startKvLoad, type KvLoad } from './kv-load.ts';
import { startKvStack, type KvStack, type KvStackOptions } from './kv-stack.ts';
import { makePrompts, type Prompt } from './prompts.ts';

/** A stack, what it is asked, and whoever compares. */
export interface KvTrial extends AsyncDisposable {
  readonly stack: KvStack;
  readonly prompts: readonly Prompt[];
  readonly engine: KvEngine;
  /** Load of all engines. Every load has a seed of its own. */
  load(): KvLoad;
  /** Load until so many requests were answered. */
  serve(answers: number): Promise<void>;
  /** Waits until indexer and Redis have what the engines have. To be called while nobody asks them anything. */
  converged(options?: ConvergenceOptions): Promise<Sample>;
}

export async function startKvTrial(options: KvStackOptions = {}): Promise<KvTrial> {
  await using started = new AsyncDisposableStack();
  const stack = started.use(await startKvStack(options));
  const { engines } = stack;
  const [engine] = engines;
  if (engine === undefined) throw new Error('there is no engine');
  const prompts = await makePrompts(engine);
  const reader = started.use(
    await createKvRedisReader({
      redis: stack.redis.url,
      keys: { blockSizeTokens: BLOCK_SIZE_TOKENS },
      clock: systemClock,
    }),
  );
  let seed = 0;
  const load = (): KvLoad => startKvLoad(engines, prompts, ++seed);
  const all = started.move();
  return {
    ...{ stack, prompts, engine, load },
    serve: async (answers) => {
      const one = load();
      await one.more(answers);
      await one.stop();
    },
    converged: (wanted) =>
      untilConverged({ engines, prompts, reader, indexerUrl: stack.indexer.url }, wanted),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
