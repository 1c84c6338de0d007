// SPDX-License-Identifier: Apache-2.0
import { createRandom } from '@llm-d/determinism';
import { createBlockPrompts } from './block-prompts.ts';
import { pseudoText } from './pseudo-text.ts';
import { sliceTrace, type TraceRequest, type TraceSlice } from './trace.ts';
import { openLoopWorkload, type Workload, type WorkloadRequest } from './workload.ts';
import { createZipf } from './zipf.ts';
import { MOONCAKE_BLOCK_TOKENS } from './mooncake-trace.ts';

/**
 * A made-up prefix structure for traces that have none: every request asks about one of `documents`
 * documents, which are its prompt's beginning. Which one follows Zipf's law: the k-th most popular has a
 * weight of 1/k^exponent. A prompt shorter than the document has the document's beginning for its whole text.
 */
export interface ZipfPrefixModel {
  /** Number of documents; at least 1. */
  readonly documents: number;
  /** Length of each document in tokens. */
  readonly documentTokens: number;
  /** Skew; 0 is uniform. Default 1. */
  readonly exponent?: number;
}

/** How a trace is replayed. */
export interface TraceWorkloadOptions extends TraceSlice {
  /** Name in reports, such as `mooncake`. */
  readonly name: string;
  /** Seed of the texts and of the prefix model. */
  readonly seed: number;
  /** Tokens a block id stands for. Default 512, Mooncake's. */
  readonly blockTokens?: number;
  /** Prefix structure of requests without block ids. Default: none, every prompt is unlike any other. */
  readonly prefixModel?: ZipfPrefixModel;
}

/**
 * Replays a trace: its times, its lengths, and prompts that share prefixes as its block ids say.
 * Prompts are made when they are due, so a long trace costs no memory.
 */
export function traceWorkload(
  trace: readonly TraceRequest[],
  options: TraceWorkloadOptions,
): Workload {
  const { name, seed, fromMs = 0, durationMs, speed = 1, prefixModel } = options;
  const slice = sliceTrace(trace, options);
  const parameters = {
    requests: slice.length,
    fromMs,
    ...(durationMs !== undefined && { durationMs }),
    speed,
    ...(prefixModel && {
      documents: prefixModel.documents,
      documentTokens: prefixModel.documentTokens,
      zipfExponent: prefixModel.exponent ?? 1,
    }),
  };
  return openLoopWorkload({ name, seed, parameters }, () => replay(slice, options));
}

function* replay(
  slice: readonly TraceRequest[],
  options: TraceWorkloadOptions,
): Generator<WorkloadRequest> {
  const { seed, blockTokens = MOONCAKE_BLOCK_TOKENS, prefixModel } = options;
  const blocks = createBlockPrompts({ seed, blockTokens });
  const unidentified = prefixModel ? documentPrompts(prefixModel, seed) : uniquePrompts(seed);
  for (const [index, { atMs, inputTokens, outputTokens, blockIds }] of slice.entries()) {
    yield {
      intendedAtMs: atMs,
      prompt:
        blockIds.length > 0
          ? blocks.prompt(blockIds, inputTokens)
          : unidentified(index, inputTokens),
      inputTokens,
      maxTokens: outputTokens,
    };
  }
}

type PromptMaker = (index: number, tokens: number) => string;

/** Prompts that differ from their first bytes on. */
const uniquePrompts =
  (seed: number): PromptMaker =>
  (index, tokens) =>
    pseudoText(`u${index}.`, { seed, tokens });

function documentPrompts(model: ZipfPrefixModel, seed: number): PromptMaker {
  const draw = createZipf(model.documents, {
    exponent: model.exponent ?? 1,
    random: createRandom(seed),
  });
  return (index, tokens) => {
    const shared = Math.min(tokens, model.documentTokens);
    const document = pseudoText(`d${draw()}.`, { seed, tokens: shared });
    return document + pseudoText(`u${index}.`, { seed, tokens: tokens - shared });
  };
}
