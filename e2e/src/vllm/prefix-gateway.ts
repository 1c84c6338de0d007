// SPDX-License-Identifier: Apache-2.0
import { createTempDir, readExposition, startProgram, type RunningProgram } from '@llm-d/test-kit';
import { untilReady } from '../stack.ts';
import type { PrefixEngine } from './prefix-engine.ts';

const PRECISE = 'precise-prefix-cache-producer';

/** A way to turn prompts into tokens, and to cut them into blocks. */
export interface GatewayKind {
  /** What tokens come from, for the names of tests. */
  readonly title: string;
  readonly blockSizeTokens: number;
  /** Parameters of `token-producer`. */
  readonly tokens: object;
}

/** What a gateway's index says of one engine. */
export interface SourceView {
  readonly state: string;
  /** Last batch applied; -1 before the first. */
  readonly sequence: number;
  readonly lostBatches: number;
  readonly restarts: number;
}

/** What a gateway's index says of itself. */
export interface IndexView {
  /** By host and port. */
  readonly sources: ReadonlyMap<string, SourceView>;
  /** Copies of blocks of all engines that lookups see. */
  readonly copies: number;
  readonly unplaced: Readonly<Record<string, number>>;
  readonly tokenParity: {
    readonly trusted: boolean;
    readonly share: number | null;
    readonly trials: number;
  };
}

/** Why a request went where it did. */
export interface PrefixDecision {
  /** Name of the engine. */
  readonly engine: string;
  readonly promptTokens: number;
  readonly basis: string;
  readonly note: string | undefined;
  readonly wholeSources: number;
  /** Leading blocks of the prompt that the index knows on each engine; in the index's blocks, without engines that have none. */
  readonly cachedBlocks: Readonly<Record<string, number>>;
}

/** A gateway that decides by the engines' events alone. Disposing of it kills it. */
export interface PrefixGateway extends AsyncDisposable {
  readonly kind: GatewayKind;
  readonly url: string;
  readonly program: RunningProgram;
  index(): Promise<IndexView>;
  decision(requestId: string): Promise<PrefixDecision>;
  /** Times that the index was of no use because tokens differ. */
  divergences(): Promise<number>;
}

const configOf = ({ tokens, blockSizeTokens }: GatewayKind): string =>
  JSON.stringify({
    apiVersion: 'llm-d.ai/v1alpha1',
    kind: 'EndpointPickerConfig',
    plugins: [
      { type: 'token-producer', parameters: tokens },
      // Where engines publish is in the list of endpoints, as they share a host.
      { type: PRECISE, parameters: { tokenProcessorConfig: { blockSizeTokens } } },
      { type: 'prefix-cache-scorer', parameters: { prefixMatchInfoProducerName: PRECISE } },
      { type: 'max-score-picker' },
      { type: 'single-profile-handler' },
    ],
    schedulingProfiles: [
      {
        name: 'default',
        plugins: [{ pluginRef: 'prefix-cache-scorer' }, { pluginRef: 'max-score-picker' }],
      },
    ],
  });

const endpointsOf = (engines: readonly PrefixEngine[]): string =>
  JSON.stringify({
    endpoints: engines.map(({ name, port, eventsPort, replayPort }) => ({
      ...{ name, address: '127.0.0.1', port },
      labels: {
        'llm-d.ai/kv-events-port': String(eventsPort),
        'llm-d.ai/kv-replay-port': String(replayPort),
      },
    })),
  });

/** Starts a gateway in front of engines and resolves when it can route. */
export async function startPrefixGateway(
  kind: GatewayKind,
  engines: readonly PrefixEngine[],
): Promise<PrefixGateway> {
  await using started = new AsyncDisposableStack();
  const folder = started.use(await createTempDir());
  const program = started.use(
    await startProgram({
      app: 'gateway',
      args: [
        ...['--port', '0', '--log-level', 'warn', '--allow-experimental-plugins'],
        ...['--config', await folder.write('config.yaml', configOf(kind))],
        ...['--endpoints-file', await folder.write('engines.json', endpointsOf(engines))],
      ],
    }),
  );
  const { url } = program;
  await untilReady(url);
  const all = started.move();
  const get = async (path: string): Promise<unknown> => (await fetch(url + path)).json();
  return {
    ...{ kind, url, program },
    // Both are what the gateway's debugging routes are documented to answer.
    index: async () => indexOf((await get('/debug/plugins/state')) as StateReport),
    decision: async (id) => decisionOf((await get(`/debug/decisions/${id}`)) as DecisionReport),
    divergences: async () => {
      const metrics = await readExposition(url);
      return metrics.sum('llm_d_epp_kv_index_unused_total', { reason: 'token_parity' });
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

interface StateReport {
  readonly plugins: Readonly<
    Record<
      string,
      {
        readonly state: {
          readonly tokenParity: IndexView['tokenParity'];
          readonly sources: readonly (SourceView & { readonly source: { readonly pod: string } })[];
          readonly index: {
            readonly copies: number;
            readonly unplaced: Readonly<Record<string, number>>;
          };
        };
      }
    >
  >;
}

function indexOf({ plugins }: StateReport): IndexView {
  const state = plugins[PRECISE]?.state;
  if (state === undefined) throw new Error(`the gateway shows no ${PRECISE}`);
  const { sources, index, tokenParity } = state;
  return {
    sources: new Map(sources.map((view) => [view.source.pod, view])),
    copies: index.copies,
    unplaced: index.unplaced,
    tokenParity,
  };
}

interface DecisionReport {
  readonly attempts: readonly {
    readonly promptTokens: number;
    readonly decision: { readonly endpoints: readonly string[] };
    readonly prefixes: readonly {
      readonly basis: string;
      readonly note?: string;
      readonly freshness: { readonly wholeSources: number };
      readonly endpoints: readonly { readonly endpoint: string; readonly cachedBlocks: number }[];
    }[];
  }[];
}

function decisionOf(report: DecisionReport): PrefixDecision {
  const attempt = report.attempts.at(-1);
  const [prefix] = attempt?.prefixes ?? [];
  if (attempt === undefined || prefix === undefined) {
    throw new Error(`no decision about prefixes: ${JSON.stringify(report)}`);
  }
  const held = prefix.endpoints.map(({ endpoint, cachedBlocks }) => [
    nameOf(endpoint),
    cachedBlocks,
  ]);
  return {
    engine: nameOf(attempt.decision.endpoints[0] ?? ''),
    promptTokens: attempt.promptTokens,
    basis: prefix.basis,
    note: prefix.note,
    wholeSources: prefix.freshness.wholeSources,
    cachedBlocks: Object.fromEntries(held) as Record<string, number>,
  };
}

/** The engine's name in an endpoint's id, `default/<name>-rank-0`. */
const nameOf = (id: string): string => id.replace(/^.*\//, '').replace(/-rank-\d+$/, '');
