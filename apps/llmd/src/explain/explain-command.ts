// SPDX-License-Identifier: Apache-2.0
import type { RecordExplanation, RecordSummary } from '@llm-d/endpoint-picker';
import type { Command } from 'commander';
import type { Output } from '../up/screen.ts';
import { drawDecision, drawDecisions } from './decision-view.ts';

export interface ExplainDeps {
  readonly output: Output;
  readonly color: boolean;
  readonly signal: AbortSignal;
  /** Resolves with the body of a 200, rejects otherwise. */
  readonly fetch: (url: string, signal: AbortSignal) => Promise<Buffer>;
}

interface ExplainFlags {
  readonly url: string;
  readonly json?: boolean;
  readonly limit: string;
}

const TIMEOUT_MS = 10_000;

/** Adds `explain`: why a request went where it went. */
export function registerExplainCommand(program: Command, deps: ExplainDeps): void {
  program
    .command('explain [request-id]')
    .description('say why a request went where it went; without an id, list the latest decisions')
    .option(
      '--url <url>',
      'admin address of an endpoint picker, or a gateway',
      'http://127.0.0.1:9090',
    )
    .option('--limit <n>', 'decisions in the list', '20')
    .option('--json', 'print what was answered as it is')
    .action((id: string | undefined, flags: ExplainFlags) => explain(id, flags, deps));
}

async function explain(
  id: string | undefined,
  { url, json, limit }: ExplainFlags,
  deps: ExplainDeps,
): Promise<void> {
  const path = id === undefined ? `?limit=${limit}` : `/${encodeURIComponent(id)}`;
  const asked = `${url.replace(/\/$/, '')}/debug/decisions${path}`;
  const signal = AbortSignal.any([deps.signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const text = (await deps.fetch(asked, signal)).toString();
  // What our own programs answer there.
  const answer = JSON.parse(text) as {
    readonly attempts?: readonly RecordExplanation[];
    readonly decisions?: readonly RecordSummary[];
  };
  if (json) deps.output.write(`${JSON.stringify(answer, null, 2)}\n`);
  else if (id === undefined) deps.output.write(drawDecisions(answer.decisions ?? [], deps));
  else {
    deps.output.write(
      (answer.attempts ?? []).map((attempt) => drawDecision(attempt, deps)).join('\n'),
    );
  }
}
