import { isSkipped, readExposition, titleWith } from '@llm-d/test-kit';
import { Agent, request } from 'undici';
import { describe, expect, test } from 'vitest';
import { TEST_TIMEOUT_MS, chat, post } from '../stack.ts';
import { envoy, startEnvoyStack } from './envoy-stack.ts';

const REQUESTS = 20_000;
const CLIENTS = 16;
const STREAMS = 20;

describe.skipIf(isSkipped(envoy))(
  titleWith('many requests behind a real Envoy with default settings', envoy),
  { timeout: 4 * TEST_TIMEOUT_MS },
  () => {
    test('20,000 over one ext_proc connection, none lost, and streams that are open meanwhile are not cut', async () => {
      await using stack = await startEnvoyStack({
        // Tokens so slow that no stream reaches its end.
        engineArgs: ['--max-num-seqs', '1000', '--inter-token-latency', '400'],
      });
      const streams = await Promise.all(
        Array.from({ length: STREAMS }, () =>
          post(`${stack.url}/v1/chat/completions`, chat(100_000, { stream: true })),
        ),
      );
      const readers = streams.map(({ body }) => body?.getReader());
      const cut: unknown[] = [];
      let stopped = false;
      const reading = readers.map(async (reader) => {
        try {
          while (reader !== undefined && !(await reader.read()).done) {
            // Read on: the stream must stay open as long as it is read.
          }
          if (!stopped) cut.push('ended');
        } catch (error) {
          if (!stopped) cut.push(error);
        }
      });

      const agent = new Agent({ connections: CLIENTS, pipelining: 1 });
      const body = JSON.stringify({ model: 'sim-model', prompt: 'hi', max_tokens: 1 });
      const statuses = new Map<number, number>();
      let next = 0;
      const client = async (): Promise<void> => {
        while (next++ < REQUESTS) {
          const answer = await request(`${stack.url}/v1/completions`, {
            method: 'POST',
            body,
            dispatcher: agent,
            headers: { 'content-type': 'application/json' },
          });
          await answer.body.dump();
          statuses.set(answer.statusCode, (statuses.get(answer.statusCode) ?? 0) + 1);
        }
      };
      await Promise.all(Array.from({ length: CLIENTS }, client));
      const epp = await stack.envoy.stats('cluster.epp.upstream_cx_total');
      expect(Object.fromEntries(statuses)).toEqual({ 200: REQUESTS });
      expect(epp.get('cluster.epp.upstream_cx_total')).toBe(1);
      expect(cut).toEqual([]);

      stopped = true;
      await Promise.all(readers.map(async (reader) => reader?.cancel()));
      await Promise.all(reading);
      await agent.close();
      await expect
        .poll(async () => (await readExposition(stack.eppUrl)).sum('llm_d_epp_request_running'), {
          timeout: 20_000,
        })
        .toBe(0);
    });
  },
);
