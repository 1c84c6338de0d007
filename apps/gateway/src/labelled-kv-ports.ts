// SPDX-License-Identifier: Apache-2.0
import type { FollowedEndpoint, KvEventSources } from '@llm-d/endpoint-picker';

/** Labels by which an endpoint says where it publishes KV events and answers replays; kv-relay reads the same ones. */
export const kvPortLabels = {
  events: 'llm-d.ai/kv-events-port',
  replays: 'llm-d.ai/kv-replay-port',
} as const;

type Labels = Readonly<Record<string, string | undefined>>;

/**
 * The same sources, for endpoints of one host that each have ports of their own: a label goes before the port that the
 * configuration has for all, and every rank adds its number. A label that is no port counts for nothing. `labelsOf` gives
 * those of the endpoint that serves at a host and port.
 */
export function atLabelledPorts(
  sources: KvEventSources,
  labelsOf: (hostPort: string) => Labels | undefined,
): KvEventSources {
  return {
    ...sources,
    followEndpoint: (options) => {
      const labels = labelsOf(options.pod) ?? {};
      return sources.followEndpoint({
        ...options,
        endpoint: atPort(options, labels[kvPortLabels.events]) ?? options.endpoint,
        replayEndpoint: atPort(options, labels[kvPortLabels.replays]) ?? options.replayEndpoint,
      });
    },
  };
}

function atPort(
  { endpoint, dpRank }: FollowedEndpoint,
  label: string | undefined,
): string | undefined {
  if (label === undefined || !/^[1-9]\d{0,4}$/.test(label)) return undefined;
  return endpoint.replace(/:\d+$/, `:${Number(label) + dpRank}`);
}
