// SPDX-License-Identifier: Apache-2.0
import type { ExchangeResult } from '../exchange/exchange-result.ts';
import type { AnswerScript, ExchangeScript } from '../exchange/exchange-script.ts';
import { chunksOf } from '../exchange/exchange-script.ts';
import { valuesOf, type HeaderList } from '../proxy/header-list.ts';
import type { Bench } from './bench.ts';
import type { ConformanceCase } from './conformance-case.ts';
import { expectBytes, expectEqual, expectThat } from './difference.ts';
import { expectRouted, upstreamValue } from './expectations.ts';
import {
  answerBody,
  chat,
  chatBody,
  jsonAnswer,
  sseAnswer,
  sseEvents,
  streamedChat,
} from './requests.ts';

const bytesOf = ({ chunks = [] }: AnswerScript): Buffer =>
  Buffer.concat(chunks.map((chunk) => Buffer.from(chunk)));

/** The answer reaches the client byte for byte, with its status and its headers, and ends once. */
async function expectPassed(
  bench: Bench,
  script: ExchangeScript & { readonly answer: AnswerScript },
): Promise<ExchangeResult> {
  const { answer } = script;
  const result = await bench.exchange(script);
  expectRouted(bench, result);
  expectThat(result.responseChange !== undefined, 'the headers of the answer were not answered');
  expectBytes('answer', result.responseBody.bytes, bytesOf(answer));
  if (answer.chunks !== undefined) {
    const ends = answer.ending === 'trailers' ? 0 : 1;
    expectEqual('last chunks of the answer', result.responseBody.ends, ends);
  }
  const headers: HeaderList = [
    [':status', String(answer.status ?? 200)],
    ...(answer.headers ?? [['content-type', 'application/json']]),
  ];
  for (const [name, value] of headers) {
    expectEqual(
      name,
      upstreamValue({ headers: result.responseHeaders }, name.toLowerCase()),
      value,
    );
  }
  return result;
}

/** Chunks of an answer that come back one by one, none held back. */
async function expectStreamed(
  bench: Bench,
  script: ExchangeScript & { readonly answer: AnswerScript },
): Promise<void> {
  const { stalledChunk } = await expectPassed(bench, script);
  expectThat(
    stalledChunk === undefined,
    `chunk ${(stalledChunk ?? 0) + 1} of ${script.answer.chunks?.length ?? 0} was held back`,
  );
}

/** A JSON answer in pieces of this many bytes. */
const inPieces = (body: string, bytes: number): AnswerScript => ({
  chunks: chunksOf(Buffer.from(body), [bytes]),
  ending: 'empty-chunk',
});

/** Answers on their way to the client. */
export const responseCases: readonly ConformanceCase[] = [
  {
    id: 'response.json',
    title: 'A JSON answer reaches the client byte for byte, whichever chunk ends it',
    level: 'must',
    run: async (bench) => {
      for (const ending of ['last-chunk', 'empty-chunk'] as const) {
        await expectPassed(bench, { ...chat(bench), answer: { chunks: [answerBody()], ending } });
      }
    },
  },
  {
    id: 'response.json-chunks',
    title: 'So does a JSON answer in many chunks',
    level: 'must',
    run: async (bench) => {
      await expectPassed(bench, { ...chat(bench), answer: inPieces(answerBody(), 30) });
    },
  },
  {
    id: 'response.json-one-message',
    title: 'A small JSON answer in many chunks goes on as one message',
    level: 'should',
    run: async (bench) => {
      const result = await expectPassed(bench, {
        ...chat(bench),
        answer: inPieces(answerBody(), 30),
      });
      expectEqual('messages of the answer’s body', result.responseBody.chunkBytes.length, 1);
    },
  },
  {
    id: 'response.headers',
    title: 'Status and headers of the answer reach the client as they were, once',
    level: 'must',
    run: async (bench) => {
      const headers: HeaderList = [
        ['content-type', 'application/json'],
        ['x-request-cost', '12'],
        ['server', 'uvicorn'],
        ['x-inference-pod', 'pod-0'],
      ];
      await expectPassed(bench, { ...chat(bench), answer: { ...jsonAnswer(), headers } });
    },
  },
  {
    id: 'response.no-debug-header',
    title: 'The client gets no header about the insides of the endpoint picker',
    level: 'upstream-defect',
    run: async (bench) => {
      const { responseHeaders } = await expectPassed(bench, {
        ...chat(bench),
        answer: jsonAnswer(),
      });
      expectEqual(
        'x-went-into-resp-headers',
        valuesOf(responseHeaders, 'x-went-into-resp-headers'),
        [],
      );
    },
  },
  {
    id: 'response.sse',
    title: 'Each chunk of a stream goes on before the next one comes, and the last one ends it',
    level: 'must',
    run: async (bench) => {
      await expectStreamed(bench, { ...streamedChat(bench), answer: sseAnswer() });
      const ending = 'last-chunk';
      await expectStreamed(bench, {
        ...streamedChat(bench),
        answer: sseAnswer(sseEvents(), { ending }),
      });
    },
  },
  {
    id: 'response.sse-unasked',
    title: 'An answer that says it is a stream is passed on as one, though none was asked for',
    level: 'must',
    run: async (bench) => {
      await expectStreamed(bench, { ...chat(bench), answer: sseAnswer() });
    },
  },
  {
    id: 'response.sse-odd-chunks',
    title: 'A stream whose chunks end in the middle of lines and characters goes on chunk by chunk',
    level: 'must',
    run: async (bench) => {
      const text = sseEvents({ tokens: 6 }).join('').replaceAll('word', 'wörd 😀');
      const chunks = chunksOf(Buffer.from(text), [37]);
      await expectStreamed(bench, { ...streamedChat(bench), answer: sseAnswer(chunks) });
    },
  },
  {
    id: 'response.sse-no-events',
    title: 'A stream that is none, comments and unfinished lines, goes on unchanged',
    level: 'must',
    run: async (bench) => {
      const chunks = [
        ': ping\n\n',
        'event: x\ndata: {"unfinished"',
        '\r\nid: 5',
        '\n\ndata: no JSON',
      ];
      await expectStreamed(bench, { ...streamedChat(bench), answer: sseAnswer(chunks) });
    },
  },
  {
    id: 'response.sse-long',
    title: 'A stream of 500 chunks arrives whole',
    level: 'must',
    run: async (bench) => {
      await expectStreamed(bench, {
        ...streamedChat(bench),
        answer: sseAnswer(sseEvents({ tokens: 500 })),
      });
    },
  },
  {
    id: 'response.trailers',
    title: 'An answer with trailers gets an answer to them, and no chunk of it is the last',
    level: 'must',
    run: async (bench) => {
      for (const answer of [jsonAnswer(), sseAnswer()]) {
        const script = { ...chat(bench), answer: { ...answer, ending: 'trailers' as const } };
        const { answers } = await expectPassed(bench, script);
        expectEqual('last answer', answers.at(-1), 'response-trailers');
      }
    },
  },
  {
    id: 'response.without-body',
    title: 'An answer that is only a head is answered once',
    level: 'must',
    run: async (bench) => {
      const answer: AnswerScript = { status: 204, headers: [], chunks: undefined };
      const result = await expectPassed(bench, { ...chat(bench), answer, lingerMs: 30 });
      expectEqual('last answer', result.answers.at(-1), 'response-headers');
    },
  },
  {
    id: 'response.error-status',
    title: 'Errors of the model server reach the client with status and body',
    level: 'must',
    run: async (bench) => {
      for (const status of [400, 404, 429, 500, 503]) {
        const answer = { ...jsonAnswer('{"error":{"message":"no"}}'), status };
        await expectPassed(bench, { ...chat(bench), answer });
      }
    },
  },
  {
    id: 'response.error-text',
    title: 'An error that is no JSON reaches the client too, as an answer to a streamed request',
    level: 'must',
    run: async (bench) => {
      const headers: HeaderList = [['content-type', 'text/plain']];
      const answer: AnswerScript = { status: 502, headers, chunks: ['Bad ', 'Gateway'] };
      await expectPassed(bench, { ...streamedChat(bench), answer });
    },
  },
  {
    id: 'response.header-only-request',
    title: 'The answer to a request without a body reaches the client byte for byte',
    level: 'must',
    run: async (bench) => {
      const answer = jsonAnswer('{"object":"list","data":[{"id":"test-model"}]}');
      await expectPassed(bench, { path: '/v1/models', answer });
    },
  },
  {
    id: 'response.large',
    title: 'An answer of 10 MB in chunks of 1 MiB arrives byte for byte',
    level: 'must',
    run: async (bench) => {
      await expectPassed(bench, {
        ...chat(bench),
        answer: inPieces(answerBody(undefined, 'x'.repeat(10_000_000)), 1_048_576),
      });
    },
  },
  {
    id: 'response.binary',
    title: 'An answer that is no text arrives byte for byte',
    level: 'must',
    run: async (bench) => {
      const headers: HeaderList = [['content-type', 'application/octet-stream']];
      const chunks = [Buffer.from([0, 255, 128, 10, 13]), Buffer.from([0xc3, 0x28])];
      await expectPassed(bench, { ...chat(bench), answer: { headers, chunks } });
    },
  },
  {
    id: 'response.stream-flag-without-stream',
    title: 'A JSON answer to a request for a stream arrives whole',
    level: 'must',
    run: async (bench) => {
      const body = chatBody(bench.freshPrompt(), { stream: true });
      await expectPassed(bench, { ...chat(bench), body, answer: inPieces(answerBody(), 100) });
    },
  },
];
