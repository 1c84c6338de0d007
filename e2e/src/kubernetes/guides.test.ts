import { isSkipped, startModelServer, titleWith } from '@llm-d/test-kit';
import type { ControlPlane } from '@llm-d/test-kit/kubernetes';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TEST_TIMEOUT_MS } from '../stack.ts';
import { createSpace, parts, startCluster } from './cluster.ts';
import { eventually, startEpp } from './epp.ts';

/** Configurations as llm-d's guides and tests publish them, word for word in what they say. */
const PUBLISHED = resolve(
  import.meta.dirname,
  '../../../packages/endpoint-picker/src/config/testdata/published',
);

describe.skipIf(isSkipped(parts))(
  titleWith('a configuration of llm-d’s guides, unchanged, on a real API server', parts),
  { timeout: TEST_TIMEOUT_MS },
  () => {
    let plane: ControlPlane;
    let port: number;
    const closing = new AsyncDisposableStack();
    beforeAll(async () => {
      plane = closing.use(await startCluster());
      ({ port } = closing.use(await startModelServer({ host: '127.0.0.41' })));
      closing.use(await startModelServer({ host: '127.0.0.42', port }));
    }, TEST_TIMEOUT_MS);
    afterAll(() => closing.disposeAsync());

    test.each([
      'optimized-baseline',
      'simple',
      'scale',
      'kv',
      'tiered-prefix-cache-cpu',
      'sticky-until-saturated',
      'predicted-latency',
    ])('%s starts, places requests on the pool, and says why there', async (name) => {
      const space = await createSpace(plane);
      await space.createPool(port);
      await space.createPod('a', '127.0.0.41');
      await space.createPod('b', '127.0.0.42');
      await using epp = await startEpp(space, {
        args: [`--config-file=${PUBLISHED}/${name}.yaml`],
      });
      await eventually(epp.endpoints).toHaveLength(2);
      const headers = { 'x-request-id': `about-${name}` };
      const { destination, status } = await epp.proxy.place('test-model', headers);
      expect(status).toBe(0);
      expect([`127.0.0.41:${port}`, `127.0.0.42:${port}`]).toContain(destination);
      await eventually(() => epp.decision(`about-${name}`)).toMatchObject({
        attempts: [{ model: 'test-model', decision: { kind: 'scheduled' } }],
      });
    });
  },
);
