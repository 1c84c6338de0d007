import { endpointTopology } from '@llm-d/scheduler-core';
import { makeEndpoint } from '@llm-d/scheduler-core/testing';
import { expect, test } from 'vitest';
import { instantiate, produce } from '../../producers/producing.testing.ts';
import { topologyExtractor } from './topology-extractor.ts';

const endpoint = makeEndpoint('a')
  .label('kubernetes.io/hostname', 'node-1')
  .label('topology.kubernetes.io/zone', 'z1')
  .label('topology.kubernetes.io/region', 'r1')
  .label('cell', 'c7');

test.each([
  ['labels of Kubernetes', {}, { host: 'node-1', zone: 'z1', region: 'r1' }],
  [
    'labels of its own, empty names meaning the usual ones',
    { rack: 'cell', zone: 'none', hostname: '' },
    { host: 'node-1', rack: 'c7', region: 'r1' },
  ],
])('an endpoint’s place is told by %s', async (_, parameters, expected) => {
  const plugin = instantiate(topologyExtractor, { parameters });
  const topology = (await produce(plugin)).attributes.get(endpointTopology());
  expect(topology?.of(endpoint)).toEqual(expected);
});

test('the next endpoint in a slot stands where it stands', async () => {
  const plugin = instantiate(topologyExtractor);
  const topology = (await produce(plugin)).attributes.get(endpointTopology());
  expect(topology?.of(endpoint)).toMatchObject({ host: 'node-1' });
  const successor = makeEndpoint('b', endpoint.slot).label('kubernetes.io/hostname', 'node-2');
  plugin.endpoints?.endpointAdded?.(successor);
  expect(topology?.of(successor)).toEqual({ host: 'node-2' });
});

test('an endpoint with other labels stands where they say', async () => {
  const plugin = instantiate(topologyExtractor);
  const topology = (await produce(plugin)).attributes.get(endpointTopology());
  expect(topology?.of(endpoint)).toMatchObject({ host: 'node-1' });
  const moved = { ...endpoint, labels: { 'kubernetes.io/hostname': 'node-2' } };
  plugin.endpoints?.endpointRelabelled?.(moved);
  expect(topology?.of(moved)).toEqual({ host: 'node-2' });
});
