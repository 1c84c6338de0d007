// SPDX-License-Identifier: Apache-2.0
import type { ResolvedPlugin } from '../resolved-config.ts';
import type { LintFinding } from './config-lint.ts';
import { fieldOf, numberOf, pluginsOfType, type LintContext } from './lint-context.ts';

/** A prompt that is long today; effects are told for it. */
const LONG_PROMPT_TOKENS = 100_000;
const DEFAULT_SCRAPE_INTERVAL_MS = 50;

const format = (value: number): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: 3 });

/** Bounds and thresholds with the effect that they will have. */
export function bitingCaps(context: LintContext): LintFinding[] {
  const of = (type: string, rule: (plugin: ResolvedPlugin) => readonly LintFinding[]) =>
    pluginsOfType(context, type).flatMap(rule);
  return [
    ...of('utilization-detector', (plugin) => staleness(plugin, context)),
    ...of('token-load-scorer', tokenLoad),
    ...of('load-aware-scorer', loadAware),
    ...of('prefix-cache-affinity-filter', affinityGate),
    ...of('approx-prefix-cache-producer', prefixMemory),
    ...flowBounds(context),
  ];
}

const note = ({ name }: ResolvedPlugin, message: string): LintFinding[] => [
  { severity: 'note', subject: name, message },
];
const warning = ({ name }: ResolvedPlugin, message: string): LintFinding[] => [
  { severity: 'warning', subject: name, message },
];

/** A detector that calls metrics stale before the next scrape is due takes every endpoint for full. */
function staleness(plugin: ResolvedPlugin, context: LintContext): LintFinding[] {
  const [source] = pluginsOfType(context, 'metrics-data-source');
  const intervalMs = (source && numberOf(source, 'interval')) ?? DEFAULT_SCRAPE_INTERVAL_MS;
  const thresholdMs = numberOf(plugin, 'metricsStalenessThreshold');
  if (thresholdMs === undefined || thresholdMs > intervalMs) return [];
  return warning(
    plugin,
    `metrics are scraped every ${intervalMs} ms and count as stale after ${thresholdMs}: endpoints look saturated between two scrapes`,
  );
}

function tokenLoad(plugin: ResolvedPlugin): LintFinding[] {
  const threshold = numberOf(plugin, 'queueThresholdTokens');
  if (threshold === undefined) return [];
  const moved = Math.min(1, LONG_PROMPT_TOKENS / threshold);
  return note(
    plugin,
    `a prompt of ${format(LONG_PROMPT_TOKENS)} uncached tokens moves its score by ${format(moved)}; beyond ${format(threshold)} tokens in flight all endpoints score 0`,
  );
}

function loadAware(plugin: ResolvedPlugin): LintFinding[] {
  const threshold = numberOf(plugin, 'threshold');
  if (threshold === undefined) return [];
  return note(
    plugin,
    `one waiting request moves its score by ${format(0.5 / threshold)}; beyond ${format(threshold)} waiting all endpoints score 0`,
  );
}

function affinityGate(plugin: ResolvedPlugin): LintFinding[] {
  const penaltyMs = numberOf(plugin, 'maxTTFTPenaltyMs') ?? 0;
  const tokensPerSecond = numberOf(plugin, 'peakPrefillThroughput') ?? 0;
  if (fieldOf(plugin.parameters, 'ttftSource') !== 'prefillThroughput') return [];
  if (penaltyMs === 0) {
    return note(
      plugin,
      'maxTTFTPenaltyMs is 0: an endpoint with the prefix is kept however long its queue',
    );
  }
  const tokens = (penaltyMs / 1000) * tokensPerSecond;
  return note(
    plugin,
    `gives up the endpoints with the prefix when the best of them has ${format(tokens)} more tokens in flight than the best other (${format(penaltyMs)} ms at ${format(tokensPerSecond)} tokens a second)`,
  );
}

function prefixMemory(plugin: ResolvedPlugin): LintFinding[] {
  const findings: LintFinding[] = [];
  const block = numberOf(plugin, 'blockSizeTokens') ?? 0;
  const most = numberOf(plugin, 'maxPrefixTokensToMatch') ?? 0;
  if (fieldOf(plugin.parameters, 'autoTune') === true) {
    findings.push(
      ...note(
        plugin,
        'autoTune is on: block size and capacity come from the engine once it tells them, and the configured ones only hold until then',
      ),
    );
  } else {
    const capacity = numberOf(plugin, 'lruCapacityPerServer') ?? 0;
    findings.push(
      ...note(
        plugin,
        `remembers ${format(capacity * block)} tokens of prompts for each endpoint; what an engine caches beyond that is not seen`,
      ),
    );
  }
  if (most > 0 && most < LONG_PROMPT_TOKENS) {
    findings.push(
      ...note(
        plugin,
        `prompts are compared over their first ${format(most)} tokens; longer common prefixes look equal`,
      ),
    );
  }
  return findings;
}

function flowBounds({ config: { flowControl } }: LintContext): LintFinding[] {
  if (flowControl === undefined) return [];
  const { maxRequests, priorityBands, defaultPriorityBand } = flowControl;
  const bands = [defaultPriorityBand, ...priorityBands];
  if (maxRequests === 0) return [];
  return bands
    .filter((band) => band.maxRequests === 0 || band.maxRequests > maxRequests)
    .map((band) => ({
      severity: 'note',
      subject:
        'priority' in band ? `priority band ${String(band.priority)}` : 'default priority band',
      message: `its bound of ${format(band.maxRequests)} requests is never reached: all bands together may hold ${format(maxRequests)}`,
    }));
}
