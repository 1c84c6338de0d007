// SPDX-License-Identifier: Apache-2.0
import type { PrefixExplanation, RecordExplanation, RecordSummary } from '@llm-d/endpoint-picker';
import { createColors } from 'picocolors';
import { drawTable, rounded } from '../table.ts';

type Decision = NonNullable<RecordExplanation['decision']>;
type Profile = Decision['profiles'][number];
interface ViewOptions {
  readonly color: boolean;
}

/** One attempt to place a request, for a person: the verdict in a sentence, then the numbers behind it. */
export function drawDecision(record: RecordExplanation, options: ViewOptions): string {
  const colors = createColors(options.color);
  const { decision, refusal } = record;
  const lines = [
    colors.bold(headline(record)),
    requestLine(record),
    ...(refusal === undefined ? [] : [`refused: ${refusal.message} (${refusal.reason})`]),
    ...(decision?.stages ?? []).map(
      ({ profile, runs, reason }) => `${profile}: ${runs ? 'run apart' : 'not run'}, ${reason}`,
    ),
    ...prefixLines(record),
    ...answerLines(record),
  ];
  const profiles = (decision?.profiles ?? []).map((profile) =>
    drawProfile(profile, { record, options }),
  );
  return `${lines.join('\n')}\n${profiles.map((text) => `\n${text}`).join('')}`;
}

function headline({ requestId, attempt, refusal, decision }: RecordExplanation): string {
  const what = attempt === 1 ? requestId : `${requestId}, attempt ${attempt}`;
  if (refusal !== undefined || decision === undefined) {
    return `${what}: not placed, ${refusal?.status ?? 'undecided'}`;
  }
  const primary = decision.profiles.find(({ profile }) => profile === decision.primary);
  return `${what}: ${decision.endpoints[0] ?? 'nowhere'} ${primary === undefined ? '' : verdictOf(primary)}`;
}

/** Why a profile's first choice won, with the numbers. */
function verdictOf({ verdict, rated, picked }: Profile): string {
  switch (verdict?.kind) {
    case undefined:
      return '';
    case 'only-candidate':
      return 'was the only candidate left';
    case 'tie':
      return `was drawn from equals, before ${verdict.runnerUp}`;
    case 'picker':
      return `was picked though ${verdict.runnerUp} was rated ${rounded(-verdict.margin, 3)} higher`;
    case 'scorer': {
      const scores = rated.find(({ endpoint }) => endpoint === picked[0])?.scores ?? [];
      const parts = scores.map(
        ({ plugin, clamped, weight }) =>
          `${plugin.replace(/-scorer$/, '')} ${rounded(clamped)}×${rounded(weight)}`,
      );
      return `won by ${rounded(verdict.margin, 3)} over ${verdict.runnerUp}, most by ${verdict.plugin}: ${parts.join(' + ')}`;
    }
  }
}

function requestLine(record: RecordExplanation): string {
  const { at, model, targetModel, promptTokens, waitedMs } = record;
  const rewritten = model === targetModel ? model : `${model} → ${targetModel}`;
  const tokens = promptTokens === undefined ? '' : `, about ${promptTokens} prompt tokens`;
  return `${at}  ${rewritten || 'no model'}${tokens}, decided after ${rounded(waitedMs)} ms`;
}

/** What was known of the prompt in the servers' caches, and how well. */
function prefixLines({ prefixes = [] }: RecordExplanation): readonly string[] {
  return prefixes.flatMap((prefix) => [
    `prefix by ${prefix.producer}: ${[groundsOf(prefix), blocksOf(prefix)].filter(Boolean).join(', ')}`,
    ...(prefix.note === undefined ? [] : [`  ${prefix.note}`]),
    ...(prefix.endpoints ?? [])
      .slice(0, MOST_PREFIXES)
      .map(
        ({ endpoint, cachedBlocks, byTier = [] }) =>
          `  ${endpoint}: ${cachedBlocks}${tiersOf(byTier)}`,
      ),
  ]);
}

/** Endpoints whose prefixes are listed. */
const MOST_PREFIXES = 8;

function groundsOf({ basis, freshness }: PrefixExplanation): string {
  if (basis === undefined) return '';
  if (freshness === undefined) return basis;
  const { isCaughtUp, oldestMs, sources, wholeSources, lostBatches } = freshness;
  const parts = [
    `${wholeSources} of ${sources} sources whole`,
    ...(oldestMs === undefined ? [] : [`oldest ${rounded(oldestMs, 0)} ms`]),
    ...(lostBatches === 0 ? [] : [`${lostBatches} batches lost`]),
    ...(isCaughtUp ? [] : ['catching up']),
  ];
  return `${basis} (${parts.join(', ')})`;
}

const blocksOf = ({ totalBlocks, blockSizeTokens }: PrefixExplanation): string =>
  totalBlocks === undefined ? '' : `${totalBlocks} blocks of ${blockSizeTokens ?? 0} tokens`;

const tiersOf = (tiers: readonly { readonly tier: string; readonly blocks: number }[]): string =>
  tiers.length === 0 ? '' : ` (${tiers.map(({ tier, blocks }) => `${blocks} ${tier}`).join(', ')})`;

function answerLines({ answer }: RecordExplanation): readonly string[] {
  if (answer === undefined) return [];
  const { status, termination, firstByteMs, durationMs, usage } = answer;
  const first = firstByteMs === undefined ? '' : `, first byte after ${rounded(firstByteMs)} ms`;
  const tokens =
    usage === undefined
      ? ''
      : `, ${usage.promptTokens} tokens in (${usage.cachedTokens ?? 0} cached), ${usage.completionTokens} out`;
  const how = termination === 'natural' ? '' : ` (${termination})`;
  return [
    `answer: ${status ?? 'none'}${how}${first}, over after ${rounded(durationMs)} ms${tokens}`,
  ];
}

function drawProfile(
  { profile, candidates, filters, rated, picked }: Profile,
  { record, options }: { readonly record: RecordExplanation; readonly options: ViewOptions },
): string {
  const dropped = filters
    .filter((filter) => filter.dropped.length > 0)
    .map((filter) => `${filter.plugin} dropped ${filter.dropped.join(', ')}\n`);
  const head = `profile ${profile}: ${candidates.length} candidates\n${dropped.join('')}`;
  const [first] = rated;
  if (first === undefined) return head;
  const states = new Map(record.candidates.map((state) => [state.endpoint, state]));
  const columns = [
    { title: '' },
    { title: 'endpoint' },
    ...first.scores.map(({ plugin, weight }) => ({
      title: `${plugin.replace(/-scorer$/, '')} ×${rounded(weight)}`,
      align: 'right' as const,
    })),
    { title: 'total', align: 'right' as const },
    { title: 'waiting', align: 'right' as const },
    { title: 'running', align: 'right' as const },
    { title: 'KV', align: 'right' as const },
    { title: 'as of', align: 'right' as const },
  ];
  const rows = rated.map(({ endpoint, scores, total }) => {
    const state = states.get(endpoint);
    return [
      picked.includes(endpoint) ? '→' : '',
      endpoint,
      ...scores.map(({ clamped }) => rounded(clamped)),
      rounded(total, 3),
      state === undefined ? '' : `${state.waitingRequests} + ${state.reservedRequests}`,
      state === undefined ? '' : String(state.runningRequests),
      state === undefined ? '' : `${rounded(100 * state.kvCacheUsage, 0)} %`,
      state?.metricsAgeMs == null ? 'never' : `−${rounded(state.metricsAgeMs, 0)} ms`,
    ];
  });
  return head + drawTable(columns, rows, options);
}

/** The latest decisions, a row each. */
export function drawDecisions(records: readonly RecordSummary[], options: ViewOptions): string {
  if (records.length === 0) return 'No decision is remembered.\n';
  const columns = [
    { title: 'at' },
    { title: 'request' },
    { title: 'model' },
    { title: 'tokens', align: 'right' },
    { title: 'endpoint' },
    { title: 'answer', align: 'right' },
    { title: 'first byte', align: 'right' },
  ] as const;
  const rows = records.map((record) => [
    record.at.slice(11, 23),
    record.attempt === 1 ? record.requestId : `${record.requestId} (${record.attempt})`,
    record.model,
    String(record.promptTokens ?? ''),
    record.endpoint ?? record.refusal ?? '',
    String(record.status ?? ''),
    record.firstByteMs === undefined ? '' : `${rounded(record.firstByteMs, 0)} ms`,
  ]);
  return drawTable(columns, rows, options);
}
