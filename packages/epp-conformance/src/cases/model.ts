// SPDX-License-Identifier: Apache-2.0
import type { ExchangeResult } from '../exchange/exchange-result.ts';
import type { AnswerScript } from '../exchange/exchange-script.ts';
import { valuesOf } from '../proxy/header-list.ts';
import type { Bench } from './bench.ts';
import type { ConformanceCase } from './conformance-case.ts';
import { expectBytes, expectEqual, expectThat } from './difference.ts';
import { expectRouted } from './expectations.ts';
import {
  answerBody,
  chat,
  chatBody,
  CHAT_PATH,
  jsonAnswer,
  MODEL,
  sseAnswer,
  sseEvents,
} from './requests.ts';

/** The model that the header asks for in place of the body's. */
const TARGET = 'another-model';

const HEADERS = { current: 'x-llm-d-model-name-rewrite', former: 'x-gateway-model-name-rewrite' };

async function rewritten(
  bench: Bench,
  answer: AnswerScript,
  header: string = HEADERS.current,
): Promise<ExchangeResult> {
  const result = await bench.exchange(chat(bench, { headers: [[header, TARGET]], answer }));
  expectRouted(bench, result);
  return result;
}

const expectModelInBody = ({ requestBody }: ExchangeResult): void => {
  // A body that is no JSON any more is reported by what JSON.parse says.
  const { model } = JSON.parse(requestBody.bytes.toString()) as { readonly model?: unknown };
  expectEqual('model in the body', model, TARGET);
};

const rewriteBy =
  (generation: keyof typeof HEADERS): ConformanceCase['run'] =>
  async (bench) => {
    const result = await rewritten(bench, jsonAnswer(), HEADERS[generation]);
    expectModelInBody(result);
    for (const value of valuesOf(result.routing?.headers ?? [], 'content-length')) {
      expectEqual('content-length', value, String(result.requestBody.bytes.length));
    }
  };

/** The answer of the model server and the one that the client gets, which has its own name of the model. */
const restored =
  (answer: (model: string) => AnswerScript): ConformanceCase['run'] =>
  async (bench) => {
    const result = await rewritten(bench, answer(TARGET));
    const expected = (answer(MODEL).chunks ?? []).map((chunk) => Buffer.from(chunk));
    expectBytes('answer', result.responseBody.bytes, Buffer.concat(expected));
    expectEqual('last chunks of the answer', result.responseBody.ends, 1);
  };

/** A text in two chunks, cut in the middle of the first place that says the model's name. */
function cutInName(text: string, model: string): readonly string[] {
  const at = text.indexOf(model) + Math.floor(model.length / 2);
  return [text.slice(0, at), text.slice(at)];
}

/** Renaming of models on the way in, and back on the way out. */
export const modelCases: readonly ConformanceCase[] = [
  {
    id: 'model.rewrite-header',
    title: 'x-llm-d-model-name-rewrite replaces the model in the body, and content-length fits',
    level: 'must',
    run: rewriteBy('current'),
  },
  {
    id: 'model.rewrite-header-former',
    title: 'x-gateway-model-name-rewrite, its former name, does the same',
    level: 'must',
    run: rewriteBy('former'),
  },
  {
    id: 'model.rewrite-keeps-the-rest',
    title: 'Everything in the body but the model’s name stays byte for byte',
    level: 'upstream-defect',
    run: async (bench) => {
      const body = (model: string) =>
        `{ "z":1.0, "n":12345678901234567890,\n "model" : "${model}", "messages":[{"role":"user","content":"\\u00e9 \\"model\\":\\"${MODEL}\\""}] }`;
      const headers = [[HEADERS.current, TARGET]] as const;
      const result = await bench.exchange({ path: CHAT_PATH, headers, body: body(MODEL) });
      expectRouted(bench, result);
      expectBytes('body', result.requestBody.bytes, Buffer.from(body(TARGET)));
    },
  },
  {
    id: 'model.rewrite-to-the-same',
    title: 'A rewrite to the name that the body has leaves the body alone',
    level: 'should',
    run: async (bench) => {
      const headers = [[HEADERS.current, MODEL]] as const;
      const body = JSON.stringify({
        model: MODEL,
        messages: [{ role: 'user', content: bench.freshPrompt() }],
      });
      const result = await bench.exchange({ path: CHAT_PATH, headers, body });
      expectRouted(bench, result);
      expectBytes('body', result.requestBody.bytes, Buffer.from(body));
    },
  },
  {
    id: 'model.rewrite-large',
    title: 'The model is replaced in a body of many chunks as well',
    level: 'must',
    run: async (bench) => {
      const headers = [[HEADERS.current, TARGET]] as const;
      const body = chatBody(bench.freshPrompt(200_000));
      const result = await bench.exchange({ path: CHAT_PATH, headers, body, chunkBytes: [16_384] });
      expectRouted(bench, result);
      expectModelInBody(result);
    },
  },
  {
    id: 'model.restored-json',
    title: 'A JSON answer names the model as the client did',
    level: 'must',
    run: restored((model) => jsonAnswer(answerBody(model))),
  },
  {
    id: 'model.restored-sse',
    title: 'Every event of a streamed answer names the model as the client did',
    level: 'must',
    run: restored((model) => sseAnswer(sseEvents({ model }))),
  },
  {
    id: 'model.restored-json-split',
    title: 'So does a JSON answer whose model’s name is split over chunks',
    level: 'must',
    run: restored((model) => ({
      chunks: cutInName(answerBody(model), model),
      ending: 'empty-chunk',
    })),
  },
  {
    id: 'model.restored-sse-split',
    title: 'So does a streamed answer in which the name is split over chunks',
    level: 'upstream-defect',
    run: restored((model) =>
      sseAnswer(cutInName(sseEvents({ model }).join(''), model), { isStepwise: false }),
    ),
  },
  {
    id: 'model.content-untouched',
    title: 'The model’s name in what the model says stays as it is',
    level: 'upstream-defect',
    run: async (bench) => {
      const content = `{"model":"${TARGET}"} and "model": "${TARGET}"`;
      // In an object of its own, so that the bytes of the answer's own field stand in the content.
      const body = (model: string) =>
        `{"model":"${model}","choices":[{"message":{"tool_calls":[{"function":{"input":{"model":"${TARGET}"}}}],"content":${JSON.stringify(content)}}}]}`;
      const result = await rewritten(bench, jsonAnswer(body(TARGET)));
      expectBytes('answer', result.responseBody.bytes, Buffer.from(body(MODEL)));
    },
  },
  {
    id: 'model.not-restored-needlessly',
    title:
      'An answer to a request whose model was not replaced stays as it is, whatever model it names',
    level: 'must',
    run: async (bench) => {
      const body = answerBody(TARGET);
      const result = await bench.exchange(chat(bench, { answer: jsonAnswer(body) }));
      expectRouted(bench, result);
      expectThat(result.responseBody.bytes.equals(Buffer.from(body)), 'the answer was changed');
    },
  },
];
