// SPDX-License-Identifier: Apache-2.0
import type { ExchangeScript } from '../exchange/exchange-script.ts';
import { WHOLE } from '../exchange/exchange-script.ts';
import type { Bench } from './bench.ts';
import type { ConformanceCase } from './conformance-case.ts';
import { expectBytes, expectEqual, expectThat } from './difference.ts';
import { expectRouted } from './expectations.ts';
import { chat, chatBody, CHAT_PATH, COMPLETIONS_PATH, MODEL } from './requests.ts';

/** A path that no API has, so that nobody has business with the body. */
export const UNKNOWN_PATH = '/api/v9/anything';

/** The largest message that Envoy was seen to take. */
const MOST_CHUNK_BYTES = 1_048_576;

/** JSON that nobody may touch and that does not survive being parsed and written again. */
const peculiarBody = (prompt: string): string =>
  `{ "z": 1.0, "model" : "${MODEL}","big":12345678901234567890, "a":1e2,\n\t"messages":[{"role":"user","content":"${prompt} \\u00e9\\/é😀"}],` +
  `"n":1, "unknown":{"b":[ ],"a":{ }},"unknown":null, "temperature":0.10 }\r\n`;

/** Bytes that are no text, the same each time. */
function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0, state = 12345; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

async function expectUntouched(bench: Bench, script: ExchangeScript): Promise<void> {
  const result = await bench.exchange(script);
  expectRouted(bench, result);
  expectBytes('body', result.requestBody.bytes, Buffer.from(script.body ?? ''));
}

/** A chat of about so many bytes. */
const chatOfSize = (bench: Bench, bytes: number): string =>
  chatBody(bench.freshPrompt(Math.max(1, bytes - chatBody('').length)));

/** Bodies on their way to the model server. */
export const bodyCases: readonly ConformanceCase[] = [
  {
    id: 'body.untouched-json',
    title:
      'JSON reaches the model server byte for byte: spaces, order, numbers, escapes and repeated keys',
    level: 'must',
    run: async (bench) => {
      await expectUntouched(bench, { path: CHAT_PATH, body: peculiarBody(bench.freshPrompt()) });
    },
  },
  {
    id: 'body.empty',
    title: 'A body of no bytes, for a path that no API has, is passed on and ended',
    level: 'should',
    run: async (bench) => {
      for (const bodyEnding of ['last-chunk', 'empty-chunk'] as const) {
        const result = await bench.exchange({ path: UNKNOWN_PATH, body: '', bodyEnding });
        expectRouted(bench, result);
        expectBytes('body', result.requestBody.bytes, Buffer.alloc(0));
        expectEqual('last chunks', result.requestBody.ends, 1);
      }
    },
  },
  {
    id: 'body.ended-by-last-chunk',
    title: 'A body whose last chunk says so is complete, in one chunk or in many',
    level: 'must',
    run: async (bench) => {
      for (const chunkBytes of [WHOLE, [50]]) {
        await expectUntouched(bench, chat(bench, { bodyEnding: 'last-chunk', chunkBytes }));
      }
    },
  },
  {
    id: 'body.ended-by-empty-chunk',
    title: 'A body that an empty chunk ends is complete, and gets one answer',
    level: 'must',
    run: async (bench) => {
      const result = await bench.exchange(chat(bench, { bodyEnding: 'empty-chunk', lingerMs: 30 }));
      expectRouted(bench, result);
      expectEqual('last chunks', result.requestBody.ends, 1);
    },
  },
  {
    id: 'body.ended-by-trailers',
    title:
      'A body that trailers end is routed; no chunk is the last, and the trailers are answered',
    level: 'upstream-defect',
    run: async (bench) => {
      const script = chat(bench, { bodyEnding: 'trailers' });
      const result = await bench.exchange(script);
      expectRouted(bench, result);
      expectBytes('body', result.requestBody.bytes, Buffer.from(script.body ?? ''));
      expectEqual('last chunks', result.requestBody.ends, 0);
    },
  },
  {
    id: 'body.split',
    title: 'A body in two chunks gets one answer and arrives whole',
    level: 'must',
    run: async (bench) => {
      const script = chat(bench, {
        chunkBytes: [40, Infinity],
        bodyEnding: 'last-chunk',
        lingerMs: 30,
      });
      const result = await bench.exchange(script);
      expectRouted(bench, result);
      expectBytes('body', result.requestBody.bytes, Buffer.from(script.body ?? ''));
      expectEqual('answers', result.answers.slice(0, 2), ['request-headers', 'request-body']);
    },
  },
  {
    id: 'body.byte-by-byte',
    title: 'A body in chunks of one byte arrives whole, characters of several bytes included',
    level: 'must',
    run: async (bench) => {
      const body = chatBody(`${bench.freshPrompt()} é😀`);
      await expectUntouched(bench, { path: CHAT_PATH, body, chunkBytes: [1] });
    },
  },
  {
    id: 'body.empty-chunks-between',
    title: 'Empty chunks in the middle of a body change nothing',
    level: 'must',
    run: async (bench) => {
      await expectUntouched(bench, chat(bench, { chunkBytes: [20, 0, 0, 30, 0, Infinity] }));
    },
  },
  {
    id: 'body.sizes',
    title: 'Bodies around the sizes of buffers arrive byte for byte in every chunking',
    level: 'must',
    run: async (bench) => {
      for (const bytes of [1_000, 16_384, 32_768, 61_999, 62_000, 62_001, 65_536, 200_000]) {
        for (const chunkBytes of [[16_384], [32_768], [49_152, 16_384], WHOLE]) {
          const body = chatOfSize(bench, bytes);
          await expectUntouched(bench, { path: CHAT_PATH, body, chunkBytes });
        }
      }
    },
  },
  {
    id: 'body.one-megabyte',
    title: 'A body of 1 MB arrives byte for byte',
    level: 'must',
    run: async (bench) => {
      const body = JSON.stringify({ model: MODEL, prompt: bench.freshPrompt(1_000_000) });
      await expectUntouched(bench, { path: COMPLETIONS_PATH, body, chunkBytes: [16_384] });
    },
  },
  {
    id: 'body.ten-megabytes',
    title: 'A body of 10 MB arrives byte for byte',
    level: 'must',
    run: async (bench) => {
      await expectUntouched(bench, { path: CHAT_PATH, body: chatOfSize(bench, 10_000_000) });
    },
  },
  {
    id: 'body.no-text',
    title: 'Bytes that are no text, for a path that no API has, arrive byte for byte',
    level: 'should',
    run: async (bench) => {
      const headers = [['content-type', 'application/octet-stream']] as const;
      for (const length of [1, 300_000]) {
        await expectUntouched(bench, { path: UNKNOWN_PATH, headers, body: noise(length) });
      }
    },
  },
  {
    id: 'body.chunk-size',
    title: 'No chunk that is passed on is larger than 1 MiB',
    level: 'must',
    run: async (bench) => {
      const result = await bench.exchange({ path: CHAT_PATH, body: chatOfSize(bench, 3_000_000) });
      expectRouted(bench, result);
      const largest = Math.max(...result.requestBody.chunkBytes);
      expectThat(largest <= MOST_CHUNK_BYTES, `a chunk has ${largest} bytes`);
    },
  },
];
