// The pages of docs/ that are made from code. `npx --yes pnpm@10 docs` writes them; a test compares them.
import { createPickerRegistry, endpointPickerMetrics } from '@llm-d/endpoint-picker';
import { describePlugins, type PluginDescription } from '@llm-d/scheduler-core';
import type { MetricDefinition } from '@llm-d/telemetry';
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { streamMetricDefinitions } from '../apps/epp/src/ext-proc/stream-metrics.ts';
import { kvIndexerMetrics } from '../apps/kv-indexer/src/indexer-metrics.ts';
import { relayMetrics } from '../apps/kv-relay/src/relay/relay-metrics.ts';
import { sidecarMetrics } from '../apps/routing-sidecar/src/sidecar-metrics.ts';
import { compatibilitySections } from './compatibility/compatibility-page.ts';

/** A page: its path from the root, and its whole text. */
export interface Page {
  readonly path: string;
  readonly text: string;
}

const root = resolve(import.meta.dirname, '..');
const NOTE = '<!-- Made from code by `npx --yes pnpm@10 docs`. Changes here are lost. -->';

/** Every generated page. Runs the programs to learn their flags. */
export function generatedDocs(): readonly Page[] {
  return [pluginPage(), metricPage(), commandLinePage(), compatibilityPage()];
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function pluginPage(): Page {
  const plugins = describePlugins(createPickerRegistry());
  const sections = plugins.map(pluginSection);
  const intro =
    'Every plugin type that an `EndpointPickerConfig` may use. How each scorer and filter works, with its formula and an example, stands in the README beside its code.';
  return page('docs/plugins.md', '# Plugins', intro, ...sections);
}

function pluginSection(plugin: PluginDescription): string {
  const rows = plugin.parameters.map(
    ({ name, default: value, description }) =>
      `| \`${name}\` | ${value === undefined ? '–' : `\`${cell(JSON.stringify(value))}\``} | ${cell(description)} |`,
  );
  const table =
    rows.length === 0
      ? ['No parameters.']
      : ['| parameter | default | meaning |', '|---|---|---|', ...rows];
  return [
    `## ${plugin.type}`,
    '',
    `${plugin.summary} (${plugin.points.join(', ')}; ${plugin.stability})`,
    '',
    ...table,
  ].join('\n');
}

function metricPage(): Page {
  const code = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');
  const former = ({ legacyTwins = [] }: MetricDefinition): string =>
    legacyTwins
      .map(({ name, labels }) => `\`${name}\` (${code(Object.keys(labels)) || 'no labels'})`)
      .join(', ');
  const row = (metric: MetricDefinition): string =>
    `| \`${metric.name}\` | ${metric.kind} | ${code(metric.labels)} | ${cell(metric.help)} | ${former(metric)} |`;
  const table = (definitions: readonly MetricDefinition[]): string =>
    [
      '| metric | kind | labels | meaning | deprecated name (its labels) |',
      '|---|---|---|---|---|',
      ...definitions.map(row),
    ].join('\n');
  const intro =
    'What the endpoint picker counts, whichever front it stands behind. Names, labels, bounds of buckets and texts are llm-d’s. Deprecated names show the same observations, summed over the labels they lack; `--legacy-metrics=false` (gateway: `--no-legacy-metrics`) leaves them out. Values of labels that clients choose are bounded: beyond a thousand of them new ones count as `other`.';
  return page(
    'docs/metrics.md',
    '# Metrics',
    '## Endpoint picker',
    intro,
    table(endpointPickerMetrics),
    '## kv-relay',
    table(relayMetrics),
    '## kv-indexer',
    table(kvIndexerMetrics),
    '## routing-sidecar',
    table(sidecarMetrics),
  );
}

function commandLinePage(): Page {
  const commands = [
    ['epp'],
    ['gateway'],
    ['inference-sim'],
    ['kv-relay'],
    ['kv-indexer'],
    ['routing-sidecar'],
    ['llmd'],
    ['llmd', 'up'],
    ['llmd', 'bench'],
    ['llmd', 'demo'],
    ['llmd', 'explain'],
    ['llmd', 'config', 'lint'],
    ['llmd', 'conformance'],
  ];
  const sections = commands.map(
    (command) => `## ${command.join(' ')}\n\n\`\`\`text\n${helpOf(command)}\n\`\`\``,
  );
  return page(
    'docs/cli.md',
    '# Command lines',
    'What every program says of itself with `--help`.',
    ...sections,
  );
}

function compatibilityPage(): Page {
  const registry = createPickerRegistry();
  const metrics = [...endpointPickerMetrics, ...streamMetricDefinitions];
  const sources = { registry, metrics, help: helpOf(['epp']) };
  return page('docs/compatibility.md', '# Compatibility', ...compatibilitySections(sources));
}

function helpOf([app = '', ...args]: readonly string[]): string {
  const main = `apps/${app}/src/main.ts`;
  const help = execFileSync(
    process.execPath,
    ['--conditions=@llm-d/source', main, ...args, '--help'],
    {
      cwd: root,
      encoding: 'utf8',
      // Commander wraps to the width of the terminal.
      env: { ...process.env, COLUMNS: '120' },
    },
  );
  return help.trimEnd();
}

const page = (path: string, title: string, ...parts: readonly string[]): Page => ({
  path,
  text: `${[NOTE, title, ...parts].join('\n\n')}\n`,
});
