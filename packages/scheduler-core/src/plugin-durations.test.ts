import { VirtualClock } from '@llm-d/determinism';
import { noopTelemetry } from '@llm-d/telemetry';
import { recordingMetrics } from '@llm-d/telemetry/testing';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { Attributes } from './attribute.ts';
import { loadConfig } from './config/load-config.ts';
import { instantiatePlugins } from './instantiate-plugins.ts';
import { pluginDurationSeconds } from './metrics.ts';
import { definePlugin } from './plugin-definition.ts';
import type { PluginRun } from './plugin-durations.ts';
import { createPluginRegistry } from './plugin-registry.ts';
import { schedulingPlugins } from './plugins/scheduling-plugins.ts';
import { makeEndpoint, makeRequest } from './testing/index.ts';

const setUp = () => {
  const clock = new VirtualClock();
  const metrics = recordingMetrics();
  const slowScorer = definePlugin({
    type: 'slow-scorer',
    summary: 'Takes its time.',
    stability: 'beta',
    points: ['scorer'],
    parameters: z.strictObject({ ms: z.number().describe('How long.') }),
    create: ({ ms }) => ({
      scorer: {
        score: (_, candidates) => {
          clock.advance(ms);
          return new Float64Array(candidates.length);
        },
      },
    }),
  });
  const registry = createPluginRegistry([...schedulingPlugins, slowScorer]);
  const config = loadConfig(
    `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- {type: slow-scorer, name: slow, parameters: {ms: 3}}
- {type: slow-scorer, name: slower, parameters: {ms: 40}}
`,
    { registry, allowExperimental: true },
  );
  const telemetry = { ...noopTelemetry, metrics };
  const { scheduler, durations } = instantiatePlugins(config, registry, { clock, telemetry });
  const seconds = (extension_point: string, plugin_type: string, plugin_name: string) =>
    metrics.observations(pluginDurationSeconds, { extension_point, plugin_type, plugin_name });
  const schedule = (onRun?: (run: PluginRun) => void) =>
    scheduler.schedule({ request: makeRequest(), attributes: new Attributes(), nowMs: 0, onRun }, [
      makeEndpoint('a'),
      makeEndpoint('b'),
    ]);
  return { durations, schedule, seconds };
};

test('every plugin’s turn is measured under its type and name', () => {
  const { schedule, seconds } = setUp();
  schedule();
  schedule();
  expect(seconds('Scorer', 'slow-scorer', 'slow')).toEqual([0.003, 0.003]);
  expect(seconds('Scorer', 'slow-scorer', 'slower')).toEqual([0.04, 0.04]);
  expect(seconds('Picker', 'max-score-picker', 'max-score-picker')).toEqual([0, 0]);
  expect(seconds('ProfilePicker', 'single-profile-handler', 'single-profile-handler')).toEqual([
    0, 0, 0, 0,
  ]);
});

test('whoever asks is told of the turns as they are taken', () => {
  const { schedule } = setUp();
  const runs: PluginRun[] = [];
  schedule((run) => runs.push(run));
  expect(runs.map(({ point, plugin, startMs, endMs }) => [point, plugin, startMs, endMs])).toEqual([
    ['ProfilePicker', 'single-profile-handler', 0, 0],
    ['Scorer', 'slow', 0, 3],
    ['Scorer', 'slower', 3, 43],
    ['Picker', 'max-score-picker', 43, 43],
    ['ProfilePicker', 'single-profile-handler', 43, 43],
    ['ProcessProfilesResults', 'single-profile-handler', 43, 43],
  ]);
});

test('an instance that nobody configured counts as its own type', () => {
  const { durations } = setUp();
  expect([durations.typeOf('slow'), durations.typeOf('stranger')]).toEqual([
    'slow-scorer',
    'stranger',
  ]);
});
