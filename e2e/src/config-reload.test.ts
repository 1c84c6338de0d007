import { createTempDir, readExposition } from '@llm-d/test-kit';
import { describe, expect, test, vi } from 'vitest';
import { configOf, decisionsOf, untilIdle } from './debug-views.ts';
import { startStack, TEST_TIMEOUT_MS, post, type Stack } from './stack.ts';
import { startSteadyLoad } from './steady-load.ts';

const HEAD = 'apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n';
/** With `prefix` alone, equal prompts go to one engine; with `load` alone, they are spread. */
const weighted = (prefix: number, load: number): string => `${HEAD}plugins:
- {type: prefix-cache-scorer}
- {type: running-requests-size-scorer}
schedulingProfiles:
- name: default
  plugins:
  - {pluginRef: prefix-cache-scorer, weight: ${prefix}}
  - {pluginRef: running-requests-size-scorer, weight: ${load}}
`;

/** So many that they would not find their engines by chance. */
const PROMPTS = Array.from({ length: 16 }, (_, i) => `Story ${i}, told at length. `.repeat(60));

/** Engine that each prompt goes to. */
const placesOf = async (url: string, run: string): Promise<readonly (string | undefined)[]> => {
  for (const [i, prompt] of PROMPTS.entries()) {
    const body = { model: 'sim-model', prompt, max_tokens: 1 };
    const headers = { 'x-request-id': `${run}-${i}` };
    const answer = await post(`${url}/v1/completions`, body, { headers });
    expect([answer.status, await answer.text()]).toEqual([200, expect.any(String)]);
  }
  const decisions = await decisionsOf(url, 1_000_000);
  return PROMPTS.map(
    (_, i) => decisions.find(({ requestId }) => requestId === `${run}-${i}`)?.endpoint,
  );
};

const engagedIn = async ({ url }: Stack, generation: number): Promise<ReadonlySet<string>> => {
  const decisions = await decisionsOf(url, 1_000_000);
  return new Set(
    decisions.flatMap((decision) =>
      decision.generation === generation && /^[0-9a-f-]{36}$/.test(decision.requestId)
        ? [decision.endpoint ?? 'refused']
        : [],
    ),
  );
};

describe('a gateway whose configuration changes under load', { timeout: TEST_TIMEOUT_MS }, () => {
  test('loses no request, decides otherwise, remembers prefixes, and says what is wrong', async () => {
    await using folder = await createTempDir();
    const path = await folder.write('config.yaml', weighted(3, 0));
    await using stack = await startStack({
      engines: 2,
      engineArgs: ['--max-num-seqs', '256'],
      gatewayArgs: ['--config', path, '--decision-log', '100000', '--log-level', 'info'],
    });
    const { url } = stack;
    const until = (generation: number) =>
      vi.waitFor(async () => {
        expect((await configOf(url)).generation).toBe(generation);
      }, 20_000);
    const load = startSteadyLoad(url, 200);
    const answer = async (more: number) => {
      const goal = load.answered + more;
      await vi.waitFor(() => {
        expect(load.answered).toBeGreaterThan(goal);
      }, 60_000);
    };
    await answer(200);
    const before = await placesOf(url, 'before');

    await folder.write('config.yaml', weighted(0, 3));
    await until(2);
    await answer(400);
    expect((await engagedIn(stack, 1)).size).toBe(1);
    expect((await engagedIn(stack, 2)).size).toBe(2);

    const inForce = await configOf(url);
    await folder.write('config.yaml', weighted(0, 3).replace('weight: 0', 'wieght: 0'));
    await vi.waitFor(async () => {
      expect(await configOf(url)).toMatchObject({
        generation: 2,
        sha256: inForce.sha256,
        lastAttempt: {
          result: 'invalid',
          problems: [
            {
              path: 'schedulingProfiles[0].plugins[0].wieght',
              line: 9,
              column: 38,
              message: 'unknown field; did you mean "weight"?',
            },
          ],
        },
      });
    }, 20_000);
    await answer(100);
    expect(stack.gateway.stdout).toMatch(/9:38 schedulingProfiles\[0\]\.plugins\[0\]\.wieght/);

    await folder.write('config.yaml', weighted(5, 0));
    await until(3);
    expect(await placesOf(url, 'after')).toEqual(before);
    // Many in a row, so that some meet requests on their way.
    for (let generation = 4; generation <= 8; generation++) {
      await folder.write('config.yaml', weighted(generation, generation % 2));
      await until(generation);
    }
    await answer(200);

    const { sent, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(sent).toBeGreaterThan(900);
    await untilIdle(stack);
    const metrics = await readExposition(url);
    expect(metrics.sum('llm_d_epp_config_generation')).toBe(8);
    const reloads = (result: string) => metrics.sum('llm_d_epp_config_reloads_total', { result });
    expect([reloads('applied'), reloads('invalid'), reloads('refused')]).toEqual([7, 1, 0]);
    expect(metrics.sum('llm_d_epp_request_total')).toBe(sent + 2 * PROMPTS.length);
    expect((await configOf(url)).retiring).toEqual([]);
  });
});
