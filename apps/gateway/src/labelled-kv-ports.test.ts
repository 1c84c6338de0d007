import type { FollowedEndpoint, KvEventSources } from '@llm-d/endpoint-picker';
import { createRandom, VirtualClock } from '@llm-d/determinism';
import { noopTelemetry } from '@llm-d/telemetry';
import { expect, test } from 'vitest';
import { atLabelledPorts } from './labelled-kv-ports.ts';

const unused = (): never => {
  throw new Error('nobody should call this');
};

/** Where an engine of these labels is listened to, given what the configuration says. */
async function followed(
  labels: Readonly<Record<string, string>> | undefined,
  options: Partial<FollowedEndpoint> = {},
) {
  const seen: FollowedEndpoint[] = [];
  const sources: KvEventSources = {
    followEndpoint: (given) => {
      seen.push(given);
      return Promise.resolve();
    },
    bindForEngines: unused,
    followBus: unused,
    openRedis: unused,
  };
  const asked: string[] = [];
  await atLabelledPorts(sources, (hostPort) => {
    asked.push(hostPort);
    return labels;
  }).followEndpoint({
    endpoint: 'tcp://10.0.0.1:5557',
    replayEndpoint: undefined,
    pod: '10.0.0.1:8000',
    dpRank: 0,
    epoch: 'e',
    topicFilter: 'kv@',
    onMessage: () => undefined,
    clock: new VirtualClock(),
    random: createRandom(1),
    telemetry: noopTelemetry,
    signal: new AbortController().signal,
    ...options,
  });
  expect(asked).toEqual(['10.0.0.1:8000']);
  return [seen[0]?.endpoint, seen[0]?.replayEndpoint];
}

const events = 'llm-d.ai/kv-events-port';
const replays = 'llm-d.ai/kv-replay-port';

test.each([
  [{ [events]: '7001', [replays]: '7002' }, {}, ['tcp://10.0.0.1:7001', 'tcp://10.0.0.1:7002']],
  [{ [events]: '7001' }, { dpRank: 2 }, ['tcp://10.0.0.1:7003', undefined]],
  [
    { [replays]: '7002' },
    { endpoint: 'tcp://[::1]:5557' },
    ['tcp://[::1]:5557', 'tcp://[::1]:7002'],
  ],
  [
    { [events]: 'many', [replays]: '' },
    { replayEndpoint: 'tcp://10.0.0.1:5558' },
    ['tcp://10.0.0.1:5557', 'tcp://10.0.0.1:5558'],
  ],
  [undefined, {}, ['tcp://10.0.0.1:5557', undefined]],
])('labels %j say where an engine is listened to', async (labels, options, expected) => {
  expect(await followed(labels, options)).toEqual(expected);
});
