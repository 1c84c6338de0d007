import { isSkipped, readExposition, titleWith } from '@llm-d/test-kit';
import { describe, expect, test, vi } from 'vitest';
import { configOf, decisionsOf } from '../debug-views.ts';
import { startSteadyLoad } from '../steady-load.ts';
import { TEST_TIMEOUT_MS } from '../stack.ts';
import { envoy, startEnvoyStack } from './envoy-stack.ts';

/** With `prefix` alone, equal prompts go to one engine; with `load` alone, they are spread. */
const weighted = (prefix: number, load: number): string => `
featureGates: [flowControl]
plugins:
- {type: prefix-cache-scorer}
- {type: running-requests-size-scorer}
schedulingProfiles:
- name: default
  plugins:
  - {pluginRef: prefix-cache-scorer, weight: ${prefix}}
  - {pluginRef: running-requests-size-scorer, weight: ${load}}
`;

describe.skipIf(isSkipped(envoy))(
  titleWith('behind a real Envoy', envoy),
  { timeout: TEST_TIMEOUT_MS },
  () => {
    test('no request is lost while the configuration changes, or is broken', async () => {
      await using stack = await startEnvoyStack({
        engineArgs: ['--max-num-seqs', '256'],
        config: weighted(3, 0),
        eppArgs: ['--decision-log=100000'],
      });
      const { eppUrl } = stack;
      const until = (generation: number, result: string) =>
        vi.waitFor(async () => {
          expect(await configOf(eppUrl)).toMatchObject({ generation, lastAttempt: { result } });
        }, 20_000);
      const load = startSteadyLoad(stack.url, 200);
      const answer = async (more: number) => {
        const goal = load.answered + more;
        await vi.waitFor(() => {
          expect(load.answered).toBeGreaterThan(goal);
        }, 60_000);
      };
      await answer(200);
      await stack.setConfig(weighted(0, 3));
      await until(2, 'applied');
      await answer(300);
      await stack.setConfig(
        weighted(0, 3).replace('prefix-cache-scorer, weight', 'nobody, weight'),
      );
      await until(2, 'invalid');
      await answer(100);
      // Off and on again, which what waits and what runs outlives.
      for (let generation = 3; generation <= 7; generation++) {
        const config = weighted(generation, 1);
        await stack.setConfig(generation % 2 === 1 ? config.replace(/featureGates.*/, '') : config);
        await until(generation, 'applied');
      }
      await answer(200);
      const { sent, failures } = await load.stop();
      expect(failures).toEqual([]);

      const decisions = await decisionsOf(eppUrl, 1_000_000);
      const enginesOf = (generation: number) =>
        new Set(decisions.flatMap((d) => (d.generation === generation ? [d.endpoint] : [])));
      expect([enginesOf(1).size, enginesOf(2).size]).toEqual([1, 2]);
      await vi.waitFor(async () => {
        const metrics = await readExposition(eppUrl);
        const { retiring } = await configOf(eppUrl);
        expect({
          retiring,
          running: metrics.sum('llm_d_epp_request_running'),
          requests: metrics.sum('llm_d_epp_request_total'),
          invalid: metrics.sum('llm_d_epp_config_reloads_total', { result: 'invalid' }),
        }).toEqual({ retiring: [], running: 0, requests: sent, invalid: 1 });
      }, 20_000);
    });
  },
);
