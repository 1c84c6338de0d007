// SPDX-License-Identifier: Apache-2.0
import type {
  HeaderWriter,
  Named,
  PluginDurations,
  PreRequest,
  SchedulingCycle,
  SchedulingResult,
} from '@llm-d/scheduler-core';
import type { Logger } from '@llm-d/telemetry';

export interface PreRequestOptions {
  readonly durations: PluginDurations;
  readonly logger: Logger;
}

/** Runs what is to be done after the pick, in order. A plugin must not fail; one that does keeps no other from its work. */
export function createPreRequest(
  plugins: readonly Named<PreRequest>[],
  { durations, logger }: PreRequestOptions,
): (cycle: SchedulingCycle, result: SchedulingResult, headers: HeaderWriter) => void {
  const { clock } = durations;
  const measured = plugins.map(({ name, plugin }) => ({
    name,
    plugin,
    seconds: durations.of('PreRequest', name),
  }));
  return (cycle, result, headers) => {
    let startMs = clock.nowMs();
    for (const { name, plugin, seconds } of measured) {
      try {
        plugin.preRequest(cycle, result, headers);
      } catch (error) {
        const requestId = cycle.request.id;
        logger.error('pre-request plugin failed', { plugin: name, requestId, error });
      }
      const endMs = clock.nowMs();
      seconds.observe((endMs - startMs) / 1000);
      startMs = endMs;
    }
  };
}
