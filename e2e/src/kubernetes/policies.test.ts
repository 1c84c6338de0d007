import { isSkipped, startModelServer, titleWith, type ModelServer } from '@llm-d/test-kit';
import type { ControlPlane } from '@llm-d/test-kit/kubernetes';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TEST_TIMEOUT_MS } from '../stack.ts';
import { createSpace, legacyGroup, ourGroup, parts, startCluster, type Space } from './cluster.ts';
import { eventually, startEpp, type Epp } from './epp.ts';

/** Everything goes through the queue, so that decisions say which priority they had. */
const flowControl = `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
featureGates: [flowControl]
plugins:
- type: queue-scorer
- type: max-score-picker
`;

describe.skipIf(isSkipped(parts))(
  titleWith('policies from a real API server', parts),
  { timeout: TEST_TIMEOUT_MS },
  () => {
    const closing = new AsyncDisposableStack();
    let plane: ControlPlane;
    let server: ModelServer;
    beforeAll(async () => {
      plane = closing.use(await startCluster());
      server = closing.use(await startModelServer({ host: '127.0.0.13' }));
    }, TEST_TIMEOUT_MS);
    afterAll(() => closing.disposeAsync());

    const startIn = async (space: Space): Promise<Epp> => {
      await space.createPool(server.port);
      await space.createPod('a', '127.0.0.13');
      const epp = await startEpp(space, { args: [`--config-text=${flowControl}`] });
      await eventually(epp.ready).toBe('200');
      await eventually(epp.endpoints).toHaveLength(1);
      return epp;
    };
    let requests = 0;
    const priorityOf = async (epp: Epp, objective: string): Promise<number | undefined> => {
      const id = `request-${++requests}`;
      const header = 'x-gateway-inference-objective';
      await epp.proxy.place('test-model', { 'x-request-id': id, [header]: objective });
      const decision = (await epp.decision(id)) as {
        readonly attempts: readonly { readonly flow?: { readonly priority: number } }[];
      };
      return decision.attempts[0]?.flow?.priority;
    };
    const modelOf = async (epp: Epp, model: string): Promise<unknown> =>
      (JSON.parse((await epp.proxy.place(model)).body) as { readonly model: unknown }).model;

    test('an objective’s priority is its requests’, from the moment it is there', async () => {
      const space = await createSpace(plane);
      await space.createObjective('premium', 7);
      await space.createObjective('elsewhere', 7, { pool: 'other' });
      await using epp = await startIn(space);
      expect(await priorityOf(epp, 'premium')).toBe(7);
      expect(await priorityOf(epp, 'elsewhere')).toBe(0);
      expect(await priorityOf(epp, 'later')).toBe(0);
      await space.createObjective('later', 3);
      await eventually(() => priorityOf(epp, 'later')).toBe(3);
      await space.delete(`apis/${ourGroup}/v1alpha2/inferenceobjectives`, 'premium');
      await eventually(() => priorityOf(epp, 'premium')).toBe(0);
    });

    test('a rewrite changes the model on the wire, from the moment it is there', async () => {
      const space = await createSpace(plane);
      await space.createRewrite('asked', 'served');
      await space.createRewrite('elsewhere', 'served', { pool: 'other' });
      await using epp = await startIn(space);
      expect(await modelOf(epp, 'asked')).toBe('served');
      expect(await modelOf(epp, 'elsewhere')).toBe('elsewhere');
      await space.createRewrite('later', 'served');
      await eventually(() => modelOf(epp, 'later')).toBe('served');
      await space.delete(`apis/${ourGroup}/v1alpha2/inferencemodelrewrites`, 'asked-to-served');
      await eventually(() => modelOf(epp, 'asked')).toBe('asked');
    });

    test('where both API groups exist only llm-d.ai counts', async () => {
      const space = await createSpace(plane);
      await space.createObjective('premium', 7, { group: legacyGroup });
      await space.createRewrite('asked', 'legacy', { group: legacyGroup });
      await using epp = await startIn(space);
      expect([await priorityOf(epp, 'premium'), await modelOf(epp, 'asked')]).toEqual([0, 'asked']);
      await space.createObjective('premium', 2);
      await space.createRewrite('asked', 'ours');
      await eventually(async () => [
        await priorityOf(epp, 'premium'),
        await modelOf(epp, 'asked'),
      ]).toEqual([2, 'ours']);
    });
  },
);
