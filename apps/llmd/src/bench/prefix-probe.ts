// SPDX-License-Identifier: Apache-2.0
import type { RecordExplanation } from '@llm-d/endpoint-picker';
import {
  openAiBody,
  type OpenAiApi,
  type PrefixSample,
  type ReportedUsage,
  type Target,
  type TargetCallbacks,
  type WorkloadRequest,
} from '@llm-d/workload';
import { request as send } from 'undici';

export interface PrefixProbeOptions {
  /** Explains its decisions at `/debug/decisions/<request id>`. */
  readonly gatewayUrl: string;
  /** Simulated engines, which say at `/debug/kv-cache` what they hold. */
  readonly engineUrls: readonly string[];
  readonly api: OpenAiApi;
  readonly model: string;
  /** Requests intended before this instant are not followed. */
  readonly warmUpMs: number;
  /** One of so many requests is followed; at least 1. */
  readonly every: number;
}

/** Follows some of the requests to see what was cached where, what the gateway believed, and what came of it. */
export interface PrefixProbe {
  /** Further headers of a request: an id for those that are followed. */
  readonly headers: (request: WorkloadRequest) => Readonly<Record<string, string>>;
  /** The target, with some requests followed on their way. */
  observe(target: Target): Target;
  /** What was found, once every question has its answer. Requests that failed are not in it. */
  samples(): Promise<readonly PrefixSample[]>;
}

/** Requests that are followed at a time: a bound on what the asking costs. */
export const MOST_AT_A_TIME = 16;
/** Beyond so many, more would change no figure. */
const MOST_SAMPLES = 5000;
/** An engine that is too busy to say what it holds must not hold the request up for longer. */
const ASK_TIMEOUT_MS = 500;
const EXPLAIN_TIMEOUT_MS = 5000;

/** Asks one engine for its block size; without an answer nobody is asked what is cached later. */
export async function createPrefixProbe(options: PrefixProbeOptions): Promise<PrefixProbe> {
  const [first = ''] = options.engineUrls;
  const report = await getJson<{ block_size?: number }>(`${first}/debug/kv-cache`, {
    timeoutMs: EXPLAIN_TIMEOUT_MS,
  });
  return new Probe(options, report?.block_size);
}

class Probe implements PrefixProbe {
  readonly #options: PrefixProbeOptions;
  readonly #blockSizeTokens: number | undefined;
  readonly #ids = new WeakMap<WorkloadRequest, string>();
  readonly #samples: PrefixSample[] = [];
  readonly #explaining = new Set<Promise<void>>();
  #seen = 0;
  #followed = 0;

  constructor(options: PrefixProbeOptions, blockSizeTokens: number | undefined) {
    this.#options = options;
    this.#blockSizeTokens = blockSizeTokens;
  }

  readonly headers = (request: WorkloadRequest): Readonly<Record<string, string>> => {
    const id = this.#ids.get(request);
    return id === undefined ? {} : { 'x-request-id': id };
  };

  observe(target: Target): Target {
    return {
      streaming: target.streaming,
      submit: (request, callbacks) =>
        this.#isDue(request)
          ? this.#follow(request, callbacks, target)
          : target.submit(request, callbacks),
    };
  }

  async samples(): Promise<readonly PrefixSample[]> {
    await Promise.all(this.#explaining);
    return this.#samples;
  }

  #isDue({ intendedAtMs }: WorkloadRequest): boolean {
    const { every, warmUpMs } = this.#options;
    if (intendedAtMs < warmUpMs || this.#seen++ % every !== 0) return false;
    return this.#followed < MOST_AT_A_TIME && this.#samples.length < MOST_SAMPLES;
  }

  #follow(request: WorkloadRequest, callbacks: TargetCallbacks, target: Target) {
    const id = `bench-${this.#seen}`;
    this.#ids.set(request, id);
    this.#followed++;
    let submission: ReturnType<Target['submit']> | undefined;
    let isAborted = false;
    void this.#mostHeld(request).then((held) => {
      if (isAborted) return;
      submission = target.submit(request, this.#observed(callbacks, { id, held }));
    });
    return {
      abort: () => {
        isAborted = true;
        this.#followed--;
        submission?.abort();
      },
    };
  }

  #observed(callbacks: TargetCallbacks, { id, held }: Followed): TargetCallbacks {
    let usage: ReportedUsage = {};
    return {
      onResponse: (response) => {
        callbacks.onResponse(response);
      },
      onContent: (text) => {
        callbacks.onContent(text);
      },
      onUsage: (reported) => {
        usage = reported;
        callbacks.onUsage(reported);
      },
      onEnd: () => {
        this.#followed--;
        const explaining: Promise<void> = this.#explain({ id, held }, usage).finally(() =>
          this.#explaining.delete(explaining),
        );
        this.#explaining.add(explaining);
        callbacks.onEnd();
      },
      onFailure: (failure) => {
        this.#followed--;
        callbacks.onFailure(failure);
      },
    };
  }

  async #explain({ id, held }: Followed, { promptTokens, cachedTokens = 0 }: ReportedUsage) {
    if (promptTokens === undefined) return;
    const { gatewayUrl } = this.#options;
    const url = `${gatewayUrl}/debug/decisions/${id}`;
    const answer = await getJson<{ attempts: readonly RecordExplanation[] }>(url, {
      timeoutMs: EXPLAIN_TIMEOUT_MS,
    });
    const decision = answer?.attempts.at(-1);
    const predicted = decision && predictedTokensOf(decision);
    // No engine takes a whole prompt from its cache: it has to compute the last token.
    const usable = wholeBlocks(promptTokens - 1, this.#blockSizeTokens ?? 1);
    this.#samples.push({
      promptTokens,
      cachedTokens,
      ...(predicted !== undefined && { predictedTokens: Math.min(predicted, usable) }),
      ...(held !== undefined && { bestTokens: Math.min(held, usable) }),
    });
  }

  /** Tokens of the longest prefix that an engine holds; undefined where one of them does not say. */
  async #mostHeld(request: WorkloadRequest): Promise<number | undefined> {
    const { engineUrls, api, model } = this.#options;
    const blockSizeTokens = this.#blockSizeTokens;
    if (blockSizeTokens === undefined) return undefined;
    const body = openAiBody(request, { api, model, stream: false });
    const answers = await Promise.all(
      engineUrls.map((url) =>
        getJson<{ cached_blocks: number }>(`${url}/debug/kv-cache`, {
          body,
          timeoutMs: ASK_TIMEOUT_MS,
        }),
      ),
    );
    const blocks = answers.map((answer) => answer?.cached_blocks);
    return blocks.every((count) => count !== undefined)
      ? Math.max(...blocks) * blockSizeTokens
      : undefined;
  }
}

/** A request on its way, and the most that an engine held of its prompt. */
interface Followed {
  readonly id: string;
  readonly held: number | undefined;
}

const wholeBlocks = (tokens: number, blockSizeTokens: number): number =>
  Math.floor(tokens / blockSizeTokens) * blockSizeTokens;

/** What a gateway believed the chosen server to have cached, in its own tokens; undefined where it believed nothing. */
export function predictedTokensOf({
  prefixes = [],
  decision,
}: RecordExplanation): number | undefined {
  // One that knows of events says so, and carries the guess of the other where it had to fall back to it.
  const belief = prefixes.find(({ basis }) => basis !== undefined) ?? prefixes[0];
  const [chosen] = decision?.endpoints ?? [];
  if (belief === undefined || chosen === undefined) return undefined;
  const held = belief.endpoints?.find(({ endpoint }) => endpoint === chosen);
  return (held?.cachedBlocks ?? 0) * (belief.blockSizeTokens ?? 0);
}

/** The answer's JSON; undefined where there is none in time. */
async function getJson<T>(
  url: string,
  { body, timeoutMs }: { readonly body?: string; readonly timeoutMs: number },
): Promise<T | undefined> {
  try {
    const answer = await send(url, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json' },
      ...(body !== undefined && { body }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (answer.statusCode !== 200) {
      await answer.body.dump();
      return undefined;
    }
    // What our own programs answer.
    return (await answer.body.json()) as T;
  } catch {
    return undefined;
  }
}
