// SPDX-License-Identifier: Apache-2.0
import type { ExtensionPoint } from '../plugin-definition.ts';
import type { DataLayerSection, PluginRef } from './config-schema.ts';
import type { PluginTable } from './plugin-table.ts';
import type { ConfigPath } from './problem-list.ts';
import type { ResolvedDataLayer } from './resolved-config.ts';

const METRICS_SOURCE = 'metrics-data-source';
const METRICS_EXTRACTOR = 'core-metrics-extractor';

/** Settles sources and discovery; adds the engines' metrics unless told not to. */
export function resolveDataLayer(section: DataLayerSection, table: PluginTable): ResolvedDataLayer {
  const refer = (ref: string, path: ConfigPath, point?: ExtensionPoint): string =>
    table.refer(ref, path, point)?.name ?? '';
  const discovery = (field: 'discovery' | 'peerDiscovery', ref: PluginRef | undefined) =>
    ref &&
    refer(
      ref.pluginRef,
      ['dataLayer', field, 'pluginRef'],
      field === 'discovery' ? field : undefined,
    );

  const sources = section.sources.map(({ pluginRef, extractors }, i) => {
    const path = ['dataLayer', 'sources', i];
    return {
      plugin: refer(pluginRef, [...path, 'pluginRef'], 'data-source'),
      extractors: extractors.map((extractor, j) =>
        refer(extractor.pluginRef, [...path, 'extractors', j, 'pluginRef'], 'extractor'),
      ),
    };
  });
  const hasMetrics = section.sources.some(({ pluginRef }) => pluginRef === METRICS_SOURCE);
  if (section.injectDefaults && !hasMetrics) {
    const source = table.ensure(METRICS_SOURCE);
    const extractor = table.ensure(METRICS_EXTRACTOR);
    if (source && extractor) sources.push({ plugin: source.name, extractors: [extractor.name] });
  }
  const syncer = section.crossReplicaSyncerPluginRef;
  return {
    sources,
    discovery: discovery('discovery', section.discovery),
    peerDiscovery: discovery('peerDiscovery', section.peerDiscovery),
    crossReplicaSyncer: syncer && refer(syncer, ['dataLayer', 'crossReplicaSyncerPluginRef']),
    crossReplicaSyncIntervalMs: section.crossReplicaSyncInterval,
  };
}
