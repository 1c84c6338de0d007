import { createRandom } from '@llm-d/determinism';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { configMaps, type ConfigMap } from '../built-in-types.ts';
import { configMap, virtualCluster, type VirtualCluster } from '../virtual-cluster.testing.ts';
import { startInformer } from './informer.ts';
import type { Change } from './object-store.ts';

type Step = (cluster: VirtualCluster) => Promise<void> | void;

const name = fc.constantFrom('a', 'b', 'c', 'd');
const key = (of: string) => ({ name: of, namespace: 'default' });

const change: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(name, fc.nat(9)).map(([of, v]): Step => ({ server }) => {
    server.put(configMaps, configMap(of, { v: String(v) }));
  }),
  name.map((of): Step => ({ server }) => {
    server.remove(configMaps, key(of));
  }),
);

const watchFault: fc.Arbitrary<Step> = fc
  .constantFrom('end', 'garble', 'expire', 'stall', 'bookmark', 'break')
  .map((fault): Step => ({ server }) => {
    for (const watch of server.watches) {
      if (fault === 'break') watch.break(new Error('reset'));
      else watch[fault]();
    }
  });

const requestFault: fc.Arbitrary<Step> = fc
  .tuple(
    fc.oneof(
      fc.constantFrom(
        { kind: 'garbage' as const },
        { kind: 'unreachable' as const },
        { kind: 'silence' as const },
        { kind: 'status' as const, status: 429, retryAfterSeconds: 1 },
      ),
      fc
        .constantFrom(400, 401, 403, 404, 410, 422, 500, 503)
        .map((status) => ({ kind: 'status' as const, status })),
    ),
    fc.integer({ min: 1, max: 3 }),
  )
  .map(([fault, times]): Step => ({ server }) => {
    server.faults.inject(fault, { times });
  });

const other: fc.Arbitrary<Step> = fc.oneof(
  fc.constantFrom(10, 500, 10_000).map(
    (ms): Step =>
      ({ pass }) =>
        pass(ms),
  ),
  fc.constant<Step>(({ server }) => {
    server.forgetHistory();
  }),
  fc.constant<Step>(({ server }) => {
    server.removeType(configMaps);
    server.addType(configMaps);
  }),
  fc.constantFrom(0, 30, 700).map((ms): Step => ({ server }) => {
    server.latencyMs = ms;
  }),
);

const plain = (objects: readonly ConfigMap[]) =>
  objects
    .map(({ metadata, data }) => ({ name: metadata.name, uid: metadata.uid, data }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));

/** What somebody knows who only hears of changes; throws where they contradict each other. */
function mirror() {
  const objects = new Map<string, ConfigMap>();
  return {
    objects,
    hear: (change: Change<ConfigMap>) => {
      const { name: of } = change.object.metadata;
      expect(objects.has(of), `${change.kind} ${of}`).toBe(change.kind !== 'added');
      if (change.kind === 'updated') expect(objects.get(of)).toBe(change.previous);
      if (change.kind === 'deleted') objects.delete(of);
      else objects.set(of, change.object);
    },
  };
}

test('whatever happens to its requests and watches, a copy becomes what the server has', async () => {
  const steps = fc.array(
    fc.oneof({ weight: 3, arbitrary: change }, watchFault, requestFault, other),
    {
      maxLength: 30,
    },
  );
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), fc.integer(), async (run, streamLists, seed) => {
      const cluster = virtualCluster({ streamLists, historySize: 5 });
      const { client, clock, server, pass } = cluster;
      const random = createRandom(seed);
      const informer = startInformer({ client, clock, random, type: configMaps, pageSize: 2 });
      const heard = mirror();
      const contradictions: unknown[] = [];
      informer.onChange((change) => {
        try {
          heard.hear(change);
        } catch (error) {
          contradictions.push(error);
        }
      });
      for (const step of run) {
        await step(cluster);
        await cluster.settle();
      }
      server.faults.clear();
      server.latencyMs = 0;
      // Longer than a silent watch is endured, and than the longest wait after that.
      await pass(220_000);
      expect(informer.state.kind).toBe('synced');
      expect(plain(informer.list())).toEqual(plain(server.objects(configMaps)));
      expect(contradictions).toEqual([]);
      expect(plain([...heard.objects.values()])).toEqual(plain(informer.list()));
      await informer.stop();
      expect([clock.pendingTimers, server.watches.length]).toEqual([0, 0]);
    }),
    { numRuns: 60 },
  );
}, 60_000);
