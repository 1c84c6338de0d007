// SPDX-License-Identifier: Apache-2.0
import {
  attribute,
  definePlugin,
  encoderCacheMatches,
  inflightLoad,
  latencyPredictions,
  prefixMatches,
  tokenizedPrompt,
  type AnyPluginDefinition,
  type AttributeReader,
  type Endpoint,
  type LatencyPrediction,
  type SchedulingCycle,
} from '@llm-d/scheduler-core';
import type { JsonService } from '../json-service.ts';
import { headroomOf } from './latency-headroom.ts';
import { objectivesOf, type LatencyObjectives } from './latency-objectives.ts';
import {
  defaultLatencyPredictorSettings,
  type LatencyPredictorSettings,
} from './latency-predictor-settings.ts';
import { createLatencyPredictor } from './latency-predictor.ts';
import { observe, type PlacedRequest } from './placed-request.ts';
import { createLatencyMetrics } from './predicted-latency-metrics.ts';
import {
  predictedLatencyParameters,
  type PredictedLatencyParameters,
} from './predicted-latency-parameters.ts';
import type { LatencyFeatures } from './predictor-wire.ts';
import { featuresOf, type RequestFacts } from './request-features.ts';
import { createRunningRequests } from './running-requests.ts';

const TYPE = 'predicted-latency-producer';
/** Profile whose pick computes the prompt where that is a stage of its own. */
const PREFILL_PROFILE = 'prefill';

/** What the environment gives every instance. */
export interface PredictedLatencyEnvironment {
  /** Default two sidecars on this host. */
  readonly settings?: LatencyPredictorSettings;
  /** Default HTTP connections. */
  readonly connect?: (url: string) => JsonService;
}

/** A request between its data and its pick. Features are of the moment before it counts itself. */
interface Inputs {
  readonly objectives: LatencyObjectives;
  readonly features: ReadonlyMap<string, LatencyFeatures>;
}

/**
 * Asks llm-d's latency predictor what each endpoint would take for a request, and tells it what the chosen one took.
 * While the predictor is down nothing is predicted, and what reads predictions does without.
 */
export function createPredictedLatencyProducer(
  environment: PredictedLatencyEnvironment = {},
): AnyPluginDefinition {
  const { settings = defaultLatencyPredictorSettings, connect } = environment;
  return definePlugin({
    type: TYPE,
    summary:
      'Predicts the time to the first token and for further tokens on each server, and what it leaves of the objectives.',
    stability: 'beta',
    points: ['data-producer', 'pre-request', 'response'],
    parameters: predictedLatencyParameters,
    consumes: (p) => [
      tokenizedPrompt(),
      prefixMatches(p.prefixMatchInfoProducerName),
      inflightLoad(p.inFlightLoadProducerName),
      ...(p.useEncoderCacheFeatures
        ? [encoderCacheMatches(p.encoderCacheMatchInfoProducerName)]
        : []),
    ],
    produces: (_, name) => [latencyPredictions(name)],
    isDefaultProducer: true,
    create: (p, { name, clock, random, telemetry }) => {
      const output = latencyPredictions(name);
      const inputsOut = attribute<Inputs>('LatencyInputs', name);
      const predictor = createLatencyPredictor({
        settings,
        clock,
        random,
        logger: telemetry.logger,
        ...(connect !== undefined && { connect }),
      });
      const running = createRunningRequests(p.contextTTL);
      const plugin = { plugin_name: name, plugin_type: TYPE };
      const seriesOf = createLatencyMetrics(telemetry.metrics, plugin);
      const placed = new Map<SchedulingCycle, PlacedRequest>();

      const predict = async (
        cycle: SchedulingCycle,
        { objectives, features }: Inputs,
        { candidates, signal }: { candidates: readonly Endpoint[]; signal: AbortSignal },
      ): Promise<ReadonlyMap<string, LatencyPrediction>> => {
        const startedMs = clock.nowMs();
        const times = await predictor.predict([...features.values()], signal);
        const nowMs = clock.nowMs();
        seriesOf(cycle.request).predictionTook(nowMs - startedMs);
        const context = { settings: p, objectives, running, nowMs };
        return new Map(
          candidates.flatMap((endpoint, i): [string, LatencyPrediction][] => {
            const predicted = times[i];
            return predicted ? [[endpoint.id, headroomOf(endpoint, predicted, context)]] : [];
          }),
        );
      };

      return {
        producer: {
          produce: (cycle, candidates, { attributes, signal }) => {
            const facts = factsOf(cycle.attributes, p);
            const inputs: Inputs = {
              objectives: objectivesOf(cycle.request),
              features: new Map(
                candidates.map((endpoint) => [endpoint.id, featuresOf(endpoint, facts)]),
              ),
            };
            attributes.set(inputsOut, inputs);
            if (!p.predictInProduce || !predictor.isAvailable || candidates.length === 0) return;
            return predict(cycle, inputs, { candidates, signal }).then((predictions) => {
              attributes.set(output, { of: ({ id }) => predictions.get(id) });
            });
          },
        },
        preRequest: {
          preRequest: (cycle, { endpoints: [decode], outcomes }) => {
            const inputs = cycle.attributes.get(inputsOut);
            const prefill = outcomes.get(PREFILL_PROFILE)?.picked[0] ?? decode;
            const tpotFeatures = inputs?.features.get(decode.id);
            const ttftFeatures = inputs?.features.get(prefill.id);
            // One that joined the fleet while the request was prepared has no features.
            if (inputs === undefined || !ttftFeatures || !tpotFeatures) return;
            const predictions = cycle.attributes.get(output);
            const startedMs = clock.nowMs();
            placed.set(cycle, {
              startedMs,
              objectives: inputs.objectives,
              series: seriesOf(cycle.request),
              ttftFeatures,
              tpotFeatures,
              predictedTtftMs: predictions?.of(prefill)?.ttftMs,
              predictedTpotMs: predictions?.of(decode)?.tpotMs,
              firstByteMs: undefined,
              leave: running.start(decode, inputs.objectives.tpotMs, startedMs),
            });
          },
        },
        response: {
          responseStarted: ({ cycle }, atMs) => {
            const request = placed.get(cycle);
            if (request !== undefined) request.firstByteMs = atMs - request.startedMs;
          },
          responseCompleted: ({ cycle }, completion) => {
            const request = placed.get(cycle);
            if (request === undefined) return undefined;
            placed.delete(cycle);
            request.leave();
            const timestamp = new Date(clock.epochMs()).toISOString();
            const context = { streamingMode: p.streamingMode, timestamp };
            for (const sample of observe(request, completion, context)) predictor.train(sample);
            return undefined;
          },
        },
        endpoints: {
          endpointRemoved: (endpoint) => {
            running.forget(endpoint);
          },
        },
        state: () => ({ ...predictor.state, requestsRunning: placed.size }),
        close: () => predictor.close(),
      };
    },
  });
}

const factsOf = (attributes: AttributeReader, p: PredictedLatencyParameters): RequestFacts => ({
  promptTokens: attributes.get(tokenizedPrompt())?.ids.length ?? 0,
  matches: attributes.get(prefixMatches(p.prefixMatchInfoProducerName)),
  load: attributes.get(inflightLoad(p.inFlightLoadProducerName)),
  encoderMatches: p.useEncoderCacheFeatures
    ? attributes.get(encoderCacheMatches(p.encoderCacheMatchInfoProducerName))
    : undefined,
  roleLabel: p.endpointRoleLabel,
});
