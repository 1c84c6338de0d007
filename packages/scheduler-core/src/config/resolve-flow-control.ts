// SPDX-License-Identifier: Apache-2.0
import { defaultFlowControl, type BandSection, type FlowControlSection } from './config-schema.ts';
import type { FeatureGates } from './feature-gates.ts';
import type { PluginTable } from './plugin-table.ts';
import type { ConfigPath, ProblemList } from './problem-list.ts';
import type { ConfigSections } from './read-sections.ts';
import type {
  ResolvedEviction,
  ResolvedFlowControl,
  ResolvedPriorityBand,
} from './resolved-config.ts';

const DEFAULT_TTL_MS = 60_000;
const DEFAULT_BAND: BandSection = { maxBytes: 1e9, maxRequests: 5000 };

interface FlowControlOptions {
  readonly gates: FeatureGates;
  readonly table: PluginTable;
  readonly problems: ProblemList;
  readonly warnings: ProblemList;
}

/**
 * Settles bands and policies. References are checked also while the gate is closed; the answer is
 * undefined then, and a section that has no effect is warned of.
 */
export function resolveFlowControl(
  section: FlowControlSection | undefined,
  options: FlowControlOptions,
): ResolvedFlowControl | undefined {
  const { gates, warnings } = options;
  if (gates.flowControl) return settle(section ?? defaultFlowControl, options);
  if (section === undefined) return undefined;
  warnings.add(['flowControl'], 'without effect while the feature gate flowControl is closed');
  settle(section, options);
  return undefined;
}

function settle(section: FlowControlSection, options: FlowControlOptions): ResolvedFlowControl {
  const policies = policyLookup(options);
  const ttlMs = section.defaultRequestTTL ?? DEFAULT_TTL_MS;
  const band = (value: BandSection, ...path: ConfigPath): ResolvedPriorityBand => ({
    maxBytes: value.maxBytes,
    maxRequests: value.maxRequests,
    requestTtlMs: value.defaultRequestTTL ?? ttlMs,
    fairnessPolicy: policies.fairness(value.fairnessPolicyRef, [...path, 'fairnessPolicyRef']),
    orderingPolicy: policies.ordering(value.orderingPolicyRef, [...path, 'orderingPolicyRef']),
  });
  const { defaultPriorityBand, defaultNegativePriorityBand: negative } = section;
  const normalBand = band(
    defaultPriorityBand ?? DEFAULT_BAND,
    'flowControl',
    'defaultPriorityBand',
  );
  checkPriorities(section.priorityBands, options.problems);
  return {
    maxBytes: section.maxBytes,
    maxRequests: section.maxRequests,
    noEndpointRequestTtlMs: section.noEndpointRequestTTL ?? ttlMs,
    defaultPriorityBand: normalBand,
    defaultNegativePriorityBand: negative
      ? band(negative, 'flowControl', 'defaultNegativePriorityBand')
      : normalBand,
    priorityBands: section.priorityBands.map((value, i) => ({
      priority: value.priority,
      ...band(value, 'flowControl', 'priorityBands', i),
    })),
    usageLimitPolicy: policies.usageLimit(section.usageLimitPolicyPluginRef, [
      'flowControl',
      'usageLimitPolicyPluginRef',
    ]),
    eviction: section.enableEviction ? resolveEviction(options) : undefined,
  };
}

/** Nothing refers to these policies: the configured ones are taken, or the defaults. */
function resolveEviction({ gates, table, problems }: FlowControlOptions): ResolvedEviction {
  const policy = (point: 'eviction-filter' | 'eviction-ordering', defaultType: string): string => {
    const [first, second] = table.withPoint(point);
    if (second !== undefined) {
      problems.add(second.path, `a second ${point}; only one can decide`);
    }
    if (first !== undefined || !gates.flowControl) return first?.name ?? '';
    return table.ensure(defaultType)?.name ?? '';
  };
  return {
    filter: policy('eviction-filter', 'eviction-sheddable-filter'),
    ordering: policy('eviction-ordering', 'eviction-priority-then-time-ordering'),
  };
}

function checkPriorities(
  bands: readonly { readonly priority: number }[],
  problems: ProblemList,
): void {
  const seen = new Set<number>();
  bands.forEach(({ priority }, i) => {
    if (seen.has(priority)) {
      problems.add(
        ['flowControl', 'priorityBands', i, 'priority'],
        `another band has priority ${priority}`,
      );
    }
    seen.add(priority);
  });
}

/** Finds a policy by reference, or creates the default one where the gate is open. */
function policyLookup({ gates, table, problems }: FlowControlOptions) {
  const lookup =
    (point: 'fairness-policy' | 'ordering-policy' | 'usage-limit-policy', defaultType: string) =>
    (ref: string | undefined, path: ConfigPath): string => {
      if (ref !== undefined) return table.refer(ref, path, point)?.name ?? '';
      if (!gates.flowControl) return '';
      const created = table.ensure(defaultType);
      if (created === undefined) problems.add(path, `the default ${defaultType} is not available`);
      return created?.name ?? '';
    };
  return {
    fairness: lookup('fairness-policy', 'global-strict-fairness-policy'),
    ordering: lookup('ordering-policy', 'fcfs-ordering-policy'),
    usageLimit: lookup('usage-limit-policy', 'static-usage-limit-policy'),
  };
}

/** Settles the saturation detector, which counts with the gate open or closed. */
export function resolveSaturationDetector(
  sections: Pick<ConfigSections, 'flowControl' | 'saturationDetector'>,
  { table, warnings }: { readonly table: PluginTable; readonly warnings: ProblemList },
): string | undefined {
  const { flowControl, saturationDetector: topLevel } = sections;
  if (topLevel !== undefined) {
    warnings.add(['saturationDetector'], 'deprecated: move it to flowControl.saturationDetector');
  }
  const nested = flowControl?.saturationDetector;
  const ref = nested ?? topLevel;
  if (ref === undefined) return table.ensure('utilization-detector')?.name;
  const path =
    nested === undefined ? ['saturationDetector'] : ['flowControl', 'saturationDetector'];
  return table.refer(ref.pluginRef, [...path, 'pluginRef'], 'saturation-detector')?.name;
}
