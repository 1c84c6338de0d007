// SPDX-License-Identifier: Apache-2.0
import { createRequestKeyHasher, type Awaitable, type KvMatches } from '@llm-d/kv-index';
import {
  attribute,
  definePlugin,
  prefixKnowledge,
  prefixMatches,
  tokenizedPrompt,
  type AttributeReader,
  type Attributes,
  type Endpoint,
  type Plugin,
  type PluginContext,
  type PluginDefinition,
  type PrefixKnowledge,
  type SchedulingCycle,
  type TokenizedPrompt,
} from '@llm-d/scheduler-core';
import {
  startBlockKnowledge,
  speculativeWeightOf,
  type BlockKnowledge,
} from './block-knowledge.ts';
import { divergenceCause } from './divergence-cause.ts';
import { EndpointNames } from './endpoint-names.ts';
import type { KvEventSources } from './kv-event-sources.ts';
import { createLookupMetrics, type LookupMetrics, type UnusedReason } from './lookup-metrics.ts';
import { ParityProbes, type ParityFinding } from './parity-probes.ts';
import { ParityWatchdog } from './parity-watchdog.ts';
import { preciseMatches, type FoundPrompt } from './precise-matches.ts';
import { preciseState } from './precise-state.ts';
import {
  formerPrecisePrefixParameters,
  precisePrefixParameters,
  type PrecisePrefixParameters,
} from './precise-prefix-parameters.ts';
import { promptKeys, type PromptKeys } from './prompt-keys.ts';
import { SpeculativePlacement } from './speculative-placement.ts';
import { within } from './within.ts';

export const PRECISE_PREFIX_TYPE = 'precise-prefix-cache-producer';
/** Profile whose pick computes the prompt. */
const PREFILL_PROFILE = 'prefill';
const APPROXIMATE = prefixMatches();
const TOKENS = tokenizedPrompt();

/**
 * Says which server holds how much of a prompt, by what the engines report of their caches. `sources` is how this
 * process gets their events; without it nothing is ever known.
 */
export const createPrecisePrefixCacheProducer = (
  sources?: KvEventSources,
): PluginDefinition<PrecisePrefixParameters> =>
  definePlugin({
    type: PRECISE_PREFIX_TYPE,
    summary: 'Says how much of a prompt each server has cached, by the engines’ KV events.',
    stability: 'beta',
    points: ['data-producer', 'pre-request', 'response', 'extractor'],
    parameters: precisePrefixParameters,
    formerParameters: formerPrecisePrefixParameters,
    consumes: ({ fallback }) => (fallback === 'none' ? [TOKENS] : [TOKENS, APPROXIMATE]),
    produces: (_, name) => [prefixMatches(name), prefixKnowledge(name)],
    create: (settings, context) =>
      precisePrefixPlugin(settings, context, { sources, type: PRECISE_PREFIX_TYPE }),
  });

export interface PrecisePrefixEnvironment {
  readonly sources: KvEventSources | undefined;
  /** Type under which the instance was configured, for metrics. */
  readonly type: string;
}

/** An instance; it listens until it is closed. */
export function precisePrefixPlugin(
  settings: PrecisePrefixParameters,
  context: PluginContext,
  environment: PrecisePrefixEnvironment,
): Plugin {
  return new PrecisePrefix(settings, context, environment).plugin();
}

class PrecisePrefix {
  readonly #settings: PrecisePrefixParameters;
  readonly #context: PluginContext;
  readonly #names = new EndpointNames();
  readonly #hasher;
  readonly #knowledge: BlockKnowledge;
  readonly #metrics: LookupMetrics;
  readonly #watchdog = new ParityWatchdog();
  readonly #probes: ParityProbes;
  /** Undefined where nothing is believed without events. */
  readonly #speculation: SpeculativePlacement | undefined;
  readonly #speculativeWeight: number;
  readonly #matchesOut;
  readonly #knowledgeOut;
  readonly #keysOut;
  #hasWarned = false;

  constructor(
    settings: PrecisePrefixParameters,
    context: PluginContext,
    { sources, type }: PrecisePrefixEnvironment,
  ) {
    const { name, clock, telemetry } = context;
    const { blockSizeTokens, hashAlgorithm, hashSeed } = settings.tokenProcessorConfig;
    this.#settings = settings;
    this.#context = context;
    this.#hasher = createRequestKeyHasher({ algorithm: hashAlgorithm, hashSeed });
    this.#metrics = createLookupMetrics(telemetry.metrics, {
      plugin_name: name,
      plugin_type: type,
    });
    this.#matchesOut = prefixMatches(name);
    this.#knowledgeOut = prefixKnowledge(name);
    this.#keysOut = attribute<readonly PromptKeys[]>('PromptKeys', name);
    this.#speculativeWeight = speculativeWeightOf(settings);
    const lookup = (keys: Uint32Array): Awaitable<KvMatches> => this.#knowledge.lookup(keys);
    const shared = { clock, names: this.#names, blockSizeTokens, lookup };
    this.#probes = new ParityProbes({
      ...shared,
      isWhole: (endpoint) => this.#knowledge.isWhole(endpoint),
      onFinding: (finding) => {
        this.#judge(finding);
      },
    });
    this.#speculation = settings.speculativeIndexing
      ? new SpeculativePlacement({
          ...shared,
          ttlMs: settings.speculativeTTL,
          exchange: sources?.speculation,
          onSize: (entries) => {
            this.#metrics.speculative(entries);
          },
        })
      : undefined;
    this.#knowledge = startBlockKnowledge({
      settings,
      sources,
      context,
      names: this.#names,
      onStored: ({ pod, dpRank }, blocks) => {
        for (const slot of this.#names.slotsOf(pod, dpRank)) this.#stored(slot, blocks);
      },
    });
  }

  plugin(): Plugin {
    return {
      producer: {
        produce: (cycle, candidates, { attributes }) =>
          this.#produce(cycle, candidates, attributes),
        recorded: { matches: this.#matchesOut, knowledge: this.#knowledgeOut },
      },
      preRequest: {
        preRequest: (cycle, result) => {
          const prefill = result.outcomes.get(PREFILL_PROFILE)?.picked[0];
          this.#placed(cycle, result.endpoints[0], prefill);
        },
      },
      response: {
        responseCompleted: ({ cycle }, completion) => {
          this.#speculation?.completed(cycle, completion);
          this.#probes.completed(cycle, completion);
          return undefined;
        },
      },
      endpoints: {
        endpointAdded: (endpoint) => {
          this.#names.add(endpoint);
          this.#knowledge.endpointAdded(endpoint);
        },
        endpointRemoved: (endpoint) => {
          this.#names.remove(endpoint);
          this.#knowledge.endpointRemoved(endpoint);
          this.#speculation?.endpointRemoved(endpoint);
          this.#probes.forget(endpoint.slot);
        },
      },
      state: () =>
        preciseState({
          settings: this.#settings,
          knowledge: this.#knowledge,
          speculation: this.#speculation,
          watchdog: this.#watchdog,
          nowMs: this.#context.clock.nowMs(),
        }),
      close: async () => {
        this.#probes.close();
        this.#speculation?.close();
        await this.#knowledge.close();
      },
    };
  }

  #produce(
    cycle: SchedulingCycle,
    candidates: readonly Endpoint[],
    attributes: Attributes,
  ): void | Promise<void> {
    const tokens = attributes.get(TOKENS);
    const request: RequestLookup = { cycle, candidates, attributes, tokens };
    if (tokens === undefined) return undefined;
    if (tokens.estimated) {
      this.#decline(request, 'no_tokens', NO_TOKENS);
      return undefined;
    }
    const prompts = this.#keysOf(cycle, tokens);
    attributes.set(this.#keysOut, prompts);
    if (!this.#watchdog.isTrusted) {
      this.#decline(request, 'token_parity', DIVERGED);
      return undefined;
    }
    const startedMs = this.#context.clock.nowMs();
    const found = this.#lookUp(prompts);
    if (!(found instanceof Promise)) {
      this.#publish(request, found, startedMs);
      return undefined;
    }
    return found.then(
      (settled) => {
        this.#publish(request, settled, startedMs);
      },
      (error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        this.#decline(request, 'lookup_failed', `the index did not answer: ${message}`);
      },
    );
  }

  #keysOf({ request }: SchedulingCycle, tokens: TokenizedPrompt): readonly PromptKeys[] {
    return promptKeys(tokens, {
      hasher: this.#hasher,
      blockSizeTokens: this.#settings.tokenProcessorConfig.blockSizeTokens,
      model: request.targetModel,
      cacheSalt: request.cacheSalt,
    });
  }

  /** Rejects where an index that lives elsewhere takes too long. */
  #lookUp(prompts: readonly PromptKeys[]): Awaitable<readonly FoundPrompt[]> {
    const answers: FoundPrompt[] = [];
    const waiting: Promise<FoundPrompt>[] = [];
    for (const prompt of prompts) {
      const found = this.#knowledge.lookup(prompt.keys);
      if (found instanceof Promise)
        waiting.push(found.then((settled) => ({ prompt, found: settled })));
      else answers.push({ prompt, found });
    }
    if (waiting.length === 0) return answers;
    const { lookupTimeout } = this.#settings.indexerConfig;
    return within(Promise.all(waiting), { clock: this.#context.clock, timeoutMs: lookupTimeout });
  }

  #publish(request: RequestLookup, prompts: readonly FoundPrompt[], startedMs: number): void {
    const { attributes, candidates, tokens } = request;
    const { clock } = this.#context;
    this.#speculation?.refresh();
    const matches = preciseMatches(prompts, {
      names: this.#names,
      candidates,
      blockSizeTokens: this.#settings.tokenProcessorConfig.blockSizeTokens,
      promptTokens: tokens?.ids.length ?? 0,
      speculative:
        this.#speculation && ((slot, keys) => this.#speculation?.coveredBlocks(slot, keys) ?? 0),
      speculativeWeight: this.#speculativeWeight,
    });
    this.#metrics.looked(matches.longestBlocks, (clock.nowMs() - startedMs) / 1000);
    const knowledge = this.#knowledgeNow();
    if (knowledge.isUseless && this.#settings.fallback === 'approximate') {
      this.#decline(request, 'nothing_known', knowledge.note ?? '');
      return;
    }
    const { isUseless: _, ...told } = knowledge;
    attributes.set(this.#matchesOut, matches);
    attributes.set(this.#knowledgeOut, told);
  }

  /** How well the index knows the engines' caches at the moment. */
  #knowledgeNow(): PrefixKnowledge & { readonly isUseless: boolean } {
    const freshness = this.#knowledge.freshness();
    const note = this.#knowledge.doubt();
    return {
      basis: 'events',
      isUseless: freshness !== undefined && (!freshness.isCaughtUp || freshness.wholeSources === 0),
      ...(freshness !== undefined && { freshness }),
      ...(note !== undefined && { note }),
    };
  }

  /** The index has no say; what is known otherwise takes its place where that is wanted. */
  #decline({ cycle, attributes }: RequestLookup, reason: UnusedReason, note: string): void {
    this.#metrics.unused(reason);
    this.#warnOnce(reason, note);
    const approximate = this.#approximate(cycle.attributes);
    if (approximate !== undefined) attributes.set(this.#matchesOut, approximate);
    const freshness = this.#knowledge.freshness();
    attributes.set(this.#knowledgeOut, {
      basis: approximate === undefined ? 'none' : 'approximate',
      note,
      ...(freshness !== undefined && { freshness }),
    });
  }

  /** What is configured so does not change from request to request. */
  #warnOnce(reason: UnusedReason, cause: string): void {
    if (reason !== 'no_tokens' || this.#hasWarned) return;
    this.#hasWarned = true;
    this.#context.telemetry.logger.warn('the engines’ KV events are of no use for a prompt', {
      plugin: this.#context.name,
      cause,
    });
  }

  #approximate(attributes: AttributeReader) {
    return this.#settings.fallback === 'none' ? undefined : attributes.get(APPROXIMATE);
  }

  #placed(cycle: SchedulingCycle, destination: Endpoint, prefill: Endpoint | undefined): void {
    const prompts = cycle.attributes.get(this.#keysOut);
    if (prompts === undefined) return;
    this.#speculation?.placed(cycle, destination, prompts);
    if (prefill !== undefined && prefill.slot !== destination.slot) {
      this.#speculation?.placed(cycle, prefill, prompts);
    }
    const [first] = prompts;
    const promptTokens = cycle.attributes.get(TOKENS)?.ids.length ?? 0;
    // Of several prompts the engine's count could not be compared.
    if (first === undefined || prompts.length > 1) return;
    const endpoint = prefill ?? destination;
    this.#probes.placed(cycle, { endpoint, keys: first.keys, promptTokens });
  }

  #stored(slot: number, blocks: number): void {
    this.#probes.stored(slot, blocks);
    this.#speculation?.stored(slot);
  }

  #judge(finding: ParityFinding): void {
    const verdict = this.#watchdog.observe(finding);
    this.#metrics.parity(this.#watchdog.share ?? 0);
    const { logger } = this.#context.telemetry;
    const { blockSizeTokens } = this.#settings.tokenProcessorConfig;
    const plugin = this.#context.name;
    if (verdict === 'diverged') {
      const cause = divergenceCause(finding, blockSizeTokens);
      logger.error('prompts are not tokenized as by the engines; their KV events are not used', {
        plugin,
        cause,
      });
    } else if (verdict === 'agreed') {
      logger.info('prompts are tokenized as by the engines again', { plugin });
    }
  }
}

/** A request on its way through the producer. */
interface RequestLookup {
  readonly cycle: SchedulingCycle;
  readonly candidates: readonly Endpoint[];
  readonly attributes: Attributes;
  readonly tokens: TokenizedPrompt | undefined;
}

const NO_TOKENS =
  'the prompt’s tokens are only estimated; give token-producer a modelName and a render server';
const DIVERGED = 'prompts are not tokenized as by the engines';
