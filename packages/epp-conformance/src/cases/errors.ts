// SPDX-License-Identifier: Apache-2.0
import type { ConformanceCase } from './conformance-case.ts';
import { expectEqual, expectThat, shown } from './difference.ts';
import { expectFinished, expectRefused, expectRouted, isOk, wordsOf } from './expectations.ts';
import { chat, CHAT_PATH, COMPLETIONS_PATH, MODEL } from './requests.ts';

const NOT_JSON = 'no healthy upstream';
const NO_MODEL = JSON.stringify({ prompt: 'hello world' });

/** The body is answered with 400, whatever the text. */
const badRequest =
  (path: string, ...bodies: readonly string[]): ConformanceCase['run'] =>
  async (bench) => {
    for (const body of bodies) {
      const text = expectRefused(await bench.exchange({ path, body }), 400);
      expectThat(text !== '', `the answer to ${shown(body)} has no text`);
    }
  };

/** Requests that cannot be understood. */
export const errorCases: readonly ConformanceCase[] = [
  {
    id: 'errors.not-json',
    title: 'A body that is no JSON is answered with 400',
    level: 'must',
    run: badRequest(CHAT_PATH, NOT_JSON, '[1,2', '{"model":"m",', '"text"'),
  },
  {
    id: 'errors.not-json-text',
    title: 'That 400 has llm-d’s text',
    level: 'should',
    run: async (bench) => {
      const body = expectRefused(
        await bench.exchange({ path: COMPLETIONS_PATH, body: NOT_JSON }),
        400,
      );
      const beginning = 'inference error: BadRequest - error unmarshaling request bodyMap: ';
      expectThat(
        body.startsWith(beginning),
        `expected ${shown(`${beginning}…`)}, got ${shown(body)}`,
      );
    },
  },
  {
    id: 'errors.empty-body',
    title: 'A body of no bytes for an API that needs one is answered with 400',
    level: 'must',
    run: badRequest(CHAT_PATH, ''),
  },
  {
    id: 'errors.no-model',
    title: 'A request without a model is answered with 400',
    level: 'must',
    run: badRequest(COMPLETIONS_PATH, NO_MODEL),
  },
  {
    id: 'errors.no-model-text',
    title: 'That 400 has llm-d’s text',
    level: 'should',
    run: async (bench) => {
      const body = expectRefused(
        await bench.exchange({ path: COMPLETIONS_PATH, body: NO_MODEL }),
        400,
      );
      expectEqual('body', body, 'inference error: BadRequest - model not found in request body');
    },
  },
  {
    id: 'errors.no-messages',
    title: 'A chat without messages is answered with 400',
    level: 'must',
    run: badRequest(
      CHAT_PATH,
      JSON.stringify({ model: MODEL }),
      JSON.stringify({ model: MODEL, messages: [] }),
    ),
  },
  {
    id: 'errors.no-prompt',
    title: 'A completion without a prompt is answered with 400',
    level: 'must',
    run: badRequest(COMPLETIONS_PATH, JSON.stringify({ model: MODEL })),
  },
  {
    id: 'errors.nested-deep',
    title: 'JSON nested 20,000 levels deep is answered, with a place or an error',
    level: 'must',
    run: async (bench) => {
      const nested = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
      const body = `{"model":"${MODEL}","messages":[{"role":"user","content":"x"}],"extra":${nested}}`;
      const result = await bench.exchange({ path: CHAT_PATH, body });
      if (result.immediate === undefined) expectRouted(bench, result);
      else expectRefused(result, 400);
    },
  },
  {
    id: 'errors.last-word',
    title: 'After an immediate response nothing more is said, and the stream does not fail',
    level: 'must',
    run: async (bench) => {
      const result = await bench.exchange({ path: CHAT_PATH, body: NOT_JSON, lingerMs: 100 });
      expectRefused(result, 400);
      expectFinished(result);
      const { end } = result;
      expectThat(end === undefined || isOk(end), `the stream ended with ${wordsOf(end)}`);
    },
  },
  {
    id: 'errors.one-answer',
    title: 'A bad request gets an immediate response and no routing besides',
    level: 'must',
    run: async (bench) => {
      const result = await bench.exchange({ path: CHAT_PATH, body: NOT_JSON, lingerMs: 50 });
      expectEqual('answers', result.answers, ['immediate']);
    },
  },
  {
    id: 'errors.recovers',
    title: 'The request after a bad one is served, on the same connection',
    level: 'must',
    run: async (bench) => {
      const connection = await bench.connect();
      expectRefused(await bench.exchange({ path: CHAT_PATH, body: NOT_JSON }, connection), 400);
      expectRouted(bench, await bench.exchange(chat(bench), connection));
    },
  },
];
