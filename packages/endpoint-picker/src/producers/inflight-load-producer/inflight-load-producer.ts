// SPDX-License-Identifier: Apache-2.0
import {
  definePlugin,
  inflightLoad,
  prefixMatches,
  tokenizedPrompt,
  type Endpoint,
  type InflightLoad,
  type SchedulingCycle,
} from '@llm-d/scheduler-core';
import * as z from 'zod';
import { createInflightGauges, type FlowGauges, type ServerGauges } from './inflight-gauges.ts';

const parameters = z.strictObject({
  addEstimatedOutputTokens: z
    .boolean()
    .default(false)
    .describe('Counts expected output tokens as well, until the answer ends.'),
  outputRatio: z
    .number()
    .min(0)
    .default(1.5)
    .describe('Expected output tokens for each prompt token.'),
  maxEstimatedOutputTokens: z
    .int()
    .min(0)
    .optional()
    .describe(
      'Upper bound of the expected output tokens; the client’s own limit bounds them as well.',
    ),
  prefixMatchInfoProducerName: z
    .string()
    .default('approx-prefix-cache-producer')
    .describe('Producer whose matches tell which prompt tokens need no computing.'),
  syncCrossReplicaState: z
    .boolean()
    .default(true)
    .describe('Shares the counts between replicas where a syncer is configured.'),
});
type Parameters = z.infer<typeof parameters>;

/** What is in flight on one server. Exchanges hold on to it, so a reused slot gets a fresh one. */
interface ServerLoad {
  requests: number;
  tokens: number;
  readonly gauges: ServerGauges;
}

/** What one exchange has added to one server and not yet taken back. */
interface Claim {
  readonly server: ServerLoad;
  readonly flow: FlowGauges;
  promptTokens: number;
  outputTokens: number;
}

/**
 * Counts what was placed on every server and is not finished. The count rises in the turn of the pick, so
 * the next decision sees it; prompt tokens leave with the first byte of the answer, the rest with its end.
 */
export const inflightLoadProducer = definePlugin({
  type: 'inflight-load-producer',
  summary: 'Counts requests and uncached tokens placed on each server and not yet answered.',
  stability: 'beta',
  points: ['data-producer', 'pre-request', 'response'],
  parameters,
  consumes: ({ prefixMatchInfoProducerName }) => [
    tokenizedPrompt(),
    prefixMatches(prefixMatchInfoProducerName),
  ],
  produces: (_, name) => [inflightLoad(name)],
  isDefaultProducer: true,
  create: (settings, { name, telemetry }) => {
    const output = inflightLoad(name);
    const servers: (ServerLoad | undefined)[] = [];
    const claims = new Map<SchedulingCycle, readonly Claim[]>();
    const gaugesOf = createInflightGauges(telemetry.metrics, name);
    const serverOf = (endpoint: Endpoint): ServerLoad =>
      (servers[endpoint.slot] ??= { requests: 0, tokens: 0, gauges: gaugesOf(endpoint) });
    const view: InflightLoad = {
      requests: ({ slot }) => servers[slot]?.requests ?? 0,
      tokens: ({ slot }) => servers[slot]?.tokens ?? 0,
    };
    const claim = (cycle: SchedulingCycle, endpoint: Endpoint): Claim => {
      const server = serverOf(endpoint);
      const promptTokens = uncachedTokens(cycle, endpoint, settings);
      const outputTokens = expectedOutputTokens(cycle, settings);
      const flow = server.gauges.flowOf(cycle.request);
      change({ server, flow }, 1, promptTokens + outputTokens);
      return { server, flow, promptTokens, outputTokens };
    };

    return {
      producer: {
        produce: (_cycle, _candidates, { attributes }) => {
          attributes.set(output, view);
        },
        publish: (attributes) => {
          attributes.set(output, view);
        },
      },
      preRequest: {
        preRequest: (cycle, { outcomes }) => {
          const made: Claim[] = [];
          for (const { picked } of outcomes.values()) {
            if (picked[0] !== undefined) made.push(claim(cycle, picked[0]));
          }
          claims.set(cycle, made);
        },
      },
      response: {
        responseStarted: ({ cycle }) => {
          for (const made of claims.get(cycle) ?? []) {
            change(made, 0, -made.promptTokens);
            made.promptTokens = 0;
          }
        },
        responseCompleted: ({ cycle }) => {
          for (const made of claims.get(cycle) ?? []) {
            change(made, -1, -made.promptTokens - made.outputTokens);
          }
          claims.delete(cycle);
        },
      },
      endpoints: {
        endpointRemoved: (endpoint) => {
          servers[endpoint.slot]?.gauges.close();
          servers[endpoint.slot] = undefined;
        },
      },
    };
  },
});

function change(
  { server, flow }: Pick<Claim, 'server' | 'flow'>,
  requests: number,
  tokens: number,
): void {
  server.requests += requests;
  server.tokens += tokens;
  flow.change(requests, tokens);
}

function uncachedTokens(cycle: SchedulingCycle, endpoint: Endpoint, settings: Parameters): number {
  const promptTokens = cycle.attributes.get(tokenizedPrompt())?.ids.length ?? 0;
  const matches = cycle.attributes.get(prefixMatches(settings.prefixMatchInfoProducerName));
  if (matches === undefined) return promptTokens;
  return Math.max(0, promptTokens - matches.matchedBlocks(endpoint) * matches.blockSizeTokens);
}

function expectedOutputTokens(cycle: SchedulingCycle, settings: Parameters): number {
  if (!settings.addEstimatedOutputTokens) return 0;
  const promptTokens = cycle.attributes.get(tokenizedPrompt())?.ids.length ?? 0;
  return Math.min(
    Math.round(promptTokens * settings.outputRatio),
    settings.maxEstimatedOutputTokens ?? Infinity,
    cycle.request.maxOutputTokens ?? Infinity,
  );
}
