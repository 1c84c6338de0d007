// SPDX-License-Identifier: Apache-2.0
import { namesReferred, type ExtensionPoint } from '../../plugin-definition.ts';
import type { ResolvedPlugin } from '../resolved-config.ts';
import type { LintFinding } from './config-lint.ts';
import { definitionOf, type LintContext } from './lint-context.ts';

/** Points at which an instance works only where something names it. */
const NAMED_POINTS: ReadonlySet<ExtensionPoint> = new Set<ExtensionPoint>([
  'filter',
  'scorer',
  'picker',
  'decider',
  'profile-handler',
  'ordering-policy',
  'fairness-policy',
  'usage-limit-policy',
  'eviction-filter',
  'eviction-ordering',
  'saturation-detector',
  'extractor',
  'data-source',
  'discovery',
  'parser',
]);

/** Configured instances that nothing will ever call. */
export function idlePlugins(context: LintContext): LintFinding[] {
  const used = namesInUse(context);
  return context.config.plugins
    .filter((plugin) => plugin.origin === 'configured' && !used.has(plugin.name))
    .filter(({ points }) => points.length > 0 && points.every((point) => NAMED_POINTS.has(point)))
    .map((plugin) => ({
      severity: 'warning',
      subject: plugin.name,
      message: `it is never called: ${whereToName(plugin)}`,
    }));
}

/** Names that profiles, sections and other plugins mention. */
function namesInUse(context: LintContext): ReadonlySet<string> {
  const { config } = context;
  const { flowControl, dataLayer } = config;
  const bands = flowControl && [
    flowControl.defaultPriorityBand,
    flowControl.defaultNegativePriorityBand,
    ...flowControl.priorityBands,
  ];
  const referred = config.plugins.flatMap((plugin) => {
    const definition = definitionOf(context, plugin);
    return definition === undefined ? [] : namesReferred(definition, plugin.parameters);
  });
  const names = [
    config.handler,
    ...config.parsers,
    ...config.producers,
    ...config.profiles.flatMap(({ filters, scorers, picker }) => [
      ...filters,
      ...scorers.map(({ plugin }) => plugin),
      picker,
    ]),
    ...dataLayer.sources.flatMap(({ plugin, extractors }) => [plugin, ...extractors]),
    dataLayer.discovery,
    dataLayer.peerDiscovery,
    dataLayer.crossReplicaSyncer,
    config.saturationDetector,
    flowControl?.usageLimitPolicy,
    flowControl?.eviction?.filter,
    flowControl?.eviction?.ordering,
    ...(bands ?? []).flatMap(({ fairnessPolicy, orderingPolicy }) => [
      fairnessPolicy,
      orderingPolicy,
    ]),
    ...referred,
  ];
  return new Set(names.filter((name) => name !== undefined));
}

function whereToName({ points }: ResolvedPlugin): string {
  const [point] = points;
  switch (point) {
    case 'filter':
    case 'scorer':
    case 'picker':
      return 'no scheduling profile refers to it';
    case 'decider':
      return 'no profile handler refers to it';
    case 'data-source':
    case 'extractor':
    case 'discovery':
      return 'dataLayer does not refer to it';
    case 'parser':
      return 'requestHandler.parsers does not refer to it, or other parsers claim all its paths';
    default:
      return 'flowControl does not refer to it, or its feature gate is closed';
  }
}
