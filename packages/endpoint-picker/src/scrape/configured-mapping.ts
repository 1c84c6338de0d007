// SPDX-License-Identifier: Apache-2.0
import { engineMappings, type EngineMapping, type InfoSpec } from './engine-mapping.ts';
import { parseMetricSpec, type MetricSpec } from './metric-spec.ts';

/** One engine as a configuration describes it; what it leaves out stays as built in for an engine of that name. */
export interface EngineConfig {
  readonly name: string;
  readonly queuedRequestsSpec?: string | undefined;
  readonly runningRequestsSpec?: string | undefined;
  readonly kvUsageSpec?: string | undefined;
  readonly loraSpec?: string | undefined;
  /** Its labels `block_size` and `num_gpu_blocks` are read. */
  readonly cacheInfoSpec?: string | undefined;
  readonly customMetrics: readonly { readonly attributeKey: string; readonly metricSpec: string }[];
}

export interface ConfiguredMappings {
  readonly engineLabelKey: string;
  readonly defaultEngine: string;
  readonly engineConfigs: readonly EngineConfig[];
}

/** Before llm-d had labels of its own. */
const LEGACY_ENGINE_LABEL = 'inference.networking.k8s.io/engine-type';

/** A default engine that nothing describes. */
export class UnknownEngineError extends Error {
  readonly code = 'UNKNOWN_ENGINE';
  readonly engine: string;
  constructor(engine: string, known: readonly string[]) {
    super(`engine "${engine}" is not known; known are ${known.join(', ')}`);
    this.name = 'UnknownEngineError';
    this.engine = engine;
  }
}

/**
 * Chooses the mapping of an endpoint by its labels. Throws MetricSpecError for a spec that is none, and
 * {@link UnknownEngineError} for a default engine that is neither built in nor configured.
 */
export function createMappingSelector(
  config: ConfiguredMappings,
): (labels: Readonly<Record<string, string>>) => EngineMapping {
  const mappings = new Map(Object.entries(engineMappings));
  for (const engine of config.engineConfigs) {
    mappings.set(engine.name, applyTo(mappings.get(engine.name), engine));
  }
  const fallback = mappings.get(config.defaultEngine);
  if (fallback === undefined)
    throw new UnknownEngineError(config.defaultEngine, [...mappings.keys()]);
  return (labels) => {
    const engine = labels[config.engineLabelKey] ?? labels[LEGACY_ENGINE_LABEL];
    return (engine === undefined ? undefined : mappings.get(engine)) ?? fallback;
  };
}

const SILENT: EngineMapping = {
  waitingRequests: undefined,
  runningRequests: undefined,
  kvCacheUsage: undefined,
  kvBlockSizeTokens: undefined,
  kvBlocks: undefined,
  lora: undefined,
  custom: {},
};

function applyTo(base: EngineMapping = SILENT, engine: EngineConfig): EngineMapping {
  const spec = (text: string | undefined, otherwise: MetricSpec | undefined) =>
    text === undefined ? otherwise : parseMetricSpec(text);
  const label = (name: string, otherwise: InfoSpec | undefined): InfoSpec | undefined =>
    engine.cacheInfoSpec === undefined
      ? otherwise
      : { metric: parseMetricSpec(engine.cacheInfoSpec), label: name };
  return {
    waitingRequests: spec(engine.queuedRequestsSpec, base.waitingRequests),
    runningRequests: spec(engine.runningRequestsSpec, base.runningRequests),
    kvCacheUsage: spec(engine.kvUsageSpec, base.kvCacheUsage),
    kvBlockSizeTokens: label('block_size', base.kvBlockSizeTokens),
    kvBlocks: label('num_gpu_blocks', base.kvBlocks),
    lora: spec(engine.loraSpec, base.lora),
    custom: {
      ...base.custom,
      ...Object.fromEntries(
        engine.customMetrics.map(({ attributeKey, metricSpec }) => [
          attributeKey,
          parseMetricSpec(metricSpec),
        ]),
      ),
    },
  };
}
