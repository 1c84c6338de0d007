import { isSkipped, titleWith } from '@llm-d/test-kit';
import { describe, expect, test } from 'vitest';
import { TEST_TIMEOUT_MS, chat, post } from '../stack.ts';
import { envoy, startEnvoyStack } from './envoy-stack.ts';

describe.skipIf(isSkipped(envoy))(
  titleWith('an Envoy that takes a list of hosts, as Istio configures it', envoy),
  { timeout: TEST_TIMEOUT_MS },
  () => {
    test('asks the picked endpoint, and its fall-back when that is dead', async () => {
      await using stack = await startEnvoyStack({
        eppArgs: ['--destination-fallbacks'],
        config: `
plugins:
- type: queue-scorer
- type: max-score-picker
  parameters: {maxNumOfEndpoints: 2}
schedulingProfiles:
- name: default
  plugins: [{pluginRef: queue-scorer}, {pluginRef: max-score-picker}]
`,
        envoy: (hosts) => ({
          authority: 'outbound|9002||epp.default.svc.cluster.local',
          destination: { kind: 'override-host', hosts },
        }),
      });
      const ask = () => post(`${stack.url}/v1/chat/completions`, chat(2));
      const answers = await Promise.all(Array.from({ length: 10 }, ask));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      await stack.engines[0]?.kill();
      for (let i = 0; i < 10; i++) expect((await ask()).status).toBe(200);
    });
  },
);
