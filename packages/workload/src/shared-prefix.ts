// SPDX-License-Identifier: Apache-2.0
import { createRandom, shuffle } from '@llm-d/determinism';
import { arrivalsUntilEnd, type ArrivalOptions } from './arrivals.ts';
import { pseudoText } from './pseudo-text.ts';
import {
  openLoopWorkload,
  type ChatMessage,
  type Workload,
  type WorkloadRequest,
} from './workload.ts';

/** Parameters of inference-perf's `shared_prefix` data; lengths in tokens. */
export interface SharedPrefixOptions extends ArrivalOptions {
  readonly seed: number;
  /** Groups, each with a system prompt of its own. Default 32. */
  readonly groups?: number;
  /** Different questions in a group. Default 32. */
  readonly promptsPerGroup?: number;
  /** Length of a group's system prompt. Default 2048. */
  readonly systemTokens?: number;
  /** Length of a question. Default 256. */
  readonly questionTokens?: number;
  /** Length of an answer. Default 256. */
  readonly outputTokens?: number;
}

/**
 * Questions to a number of groups, each of which shares a system prompt. All questions are asked once in a
 * shuffled order, then again in the same order until the run ends: as inference-perf does it, so
 * from the second round on whole prompts may be in a cache.
 */
export function sharedPrefixWorkload(options: SharedPrefixOptions): Workload {
  const settled = {
    groups: 32,
    promptsPerGroup: 32,
    systemTokens: 2048,
    questionTokens: 256,
    outputTokens: 256,
    arrival: 'poisson' as const,
    ...options,
  };
  const { seed, ...parameters } = settled;
  return openLoopWorkload({ name: 'shared-prefix', seed, parameters }, () => ask(settled));
}

function* ask(options: Required<SharedPrefixOptions>): Generator<WorkloadRequest> {
  const { seed, groups, promptsPerGroup, systemTokens, questionTokens, outputTokens } = options;
  const random = createRandom(seed);
  const total = groups * promptsPerGroup;
  const order = shuffle(random, [...Array(total).keys()]);
  const systemPrompts = Array.from({ length: groups }, (_, group) =>
    pseudoText(`g${group}.`, { seed, tokens: systemTokens }),
  );
  let asked = 0;
  for (const intendedAtMs of arrivalsUntilEnd(options, random)) {
    const index = order[asked++ % total] ?? 0;
    const group = index % groups;
    const prompt: ChatMessage[] = [
      { role: 'system', content: systemPrompts[group] ?? '' },
      { role: 'user', content: pseudoText(`q${index}.`, { seed, tokens: questionTokens }) },
    ];
    yield {
      intendedAtMs,
      prompt,
      inputTokens: systemTokens + questionTokens,
      maxTokens: outputTokens,
      sessionId: `group-${group}`,
    };
  }
}
