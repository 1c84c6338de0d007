// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:http2';
import type { ExtProcStream } from '../proxy/ext-proc-stream.ts';
import { headerMapOf } from '../proxy/header-list.ts';
import type { Bench } from './bench.ts';
import {
  Listening,
  sendAnswerBody,
  sendAnswerHead,
  sendBody,
  sendChat,
  sendHead,
} from './by-hand.ts';
import type { ConformanceCase } from './conformance-case.ts';
import { expectEqual, expectThat, NotJudged } from './difference.ts';
import { expectFinished, expectRefused, expectRouted, isOk } from './expectations.ts';
import { chat, chatBody, CHAT_PATH, sseEvents, streamedChat } from './requests.ts';

/** How often each misfortune happens. */
const TIMES = 5;

/** Something goes wrong on some streams; the endpoint picker goes on serving, on this connection and on others. */
const survives =
  (
    happens: (stream: ExtProcStream, bench: Bench) => Promise<void> | void,
  ): ConformanceCase['run'] =>
  async (bench) => {
    const connection = await bench.connect();
    for (let i = 0; i < TIMES; i++) await happens(connection.openStream(), bench);
    await expectServes(bench, () => bench.exchange(chat(bench), connection));
    await expectServes(bench, () => bench.exchange(chat(bench)));
    expectThat(connection.ended === undefined, `the connection ended: ${connection.ended ?? ''}`);
  };

async function expectServes(
  bench: Bench,
  exchange: () => ReturnType<Bench['exchange']>,
): Promise<void> {
  expectRouted(bench, await exchange());
}

/** The stream says something unforeseen and is listened to for a moment; how it takes that is its own business. */
const says = (say: (stream: ExtProcStream, bench: Bench) => void): ConformanceCase['run'] =>
  survives(async (stream, bench) => {
    say(stream, bench);
    await new Listening(stream, bench.waitMs).rest(100);
    stream.reset();
  });

const [firstEvent = '', secondEvent = ''] = sseEvents();

/** A request that has its place, and an answer that has begun. */
async function untilAnswering(stream: ExtProcStream, bench: Bench): Promise<Listening> {
  const listening = new Listening(stream, bench.waitMs);
  sendChat(stream, chatBody(bench.freshPrompt(), { stream: true }));
  await listening.untilEnd('request');
  listening.sendAnswerHead();
  await listening.until('response-headers');
  sendAnswerBody(stream, firstEvent);
  await listening.untilAnswered(firstEvent.length);
  return listening;
}

/** Gauges of requests that are being served, of both generations. */
const RUNNING = ['llm_d_epp_request_running', 'inference_objective_running_requests'];

/** Misfortunes and nonsense. */
export const robustnessCases: readonly ConformanceCase[] = [
  {
    id: 'robustness.reset-after-headers',
    title: 'Clients that vanish after the headers do no harm',
    level: 'must',
    run: survives((stream) => {
      sendHead(stream);
      stream.reset();
    }),
  },
  {
    id: 'robustness.reset-in-body',
    title: 'Clients that vanish in the middle of the body do no harm',
    level: 'must',
    run: survives((stream) => {
      sendHead(stream);
      sendBody(stream, '{"model":"test-model","mess', false);
      stream.reset();
    }),
  },
  {
    id: 'robustness.reset-after-body',
    title: 'Clients that vanish when everything is said and nothing answered do no harm',
    level: 'must',
    run: survives((stream, bench) => {
      sendChat(stream, chatBody(bench.freshPrompt()));
      stream.reset();
    }),
  },
  {
    id: 'robustness.reset-when-placed',
    title: 'Clients that vanish when they have their place do no harm',
    level: 'must',
    run: survives(async (stream, bench) => {
      sendChat(stream, chatBody(bench.freshPrompt()));
      await new Listening(stream, bench.waitMs).until('request-headers');
      stream.reset();
    }),
  },
  {
    id: 'robustness.reset-in-answer',
    title: 'Clients that vanish in the middle of a streamed answer do no harm',
    level: 'must',
    run: survives(async (stream, bench) => {
      await untilAnswering(stream, bench);
      stream.reset(constants.NGHTTP2_CANCEL);
    }),
  },
  {
    id: 'robustness.half-close-early',
    title:
      'A proxy that closes its half before the request is complete does no harm, and its stream ends',
    level: 'must',
    run: survives(async (stream, bench) => {
      sendHead(stream);
      stream.halfClose();
      const reader = await new Listening(stream, bench.waitMs).rest(bench.waitMs);
      expectThat(reader.isOver, 'the stream does not end');
    }),
  },
  {
    id: 'robustness.nothing-said',
    title: 'A stream on which nothing is ever said does no harm',
    level: 'must',
    run: survives((stream) => {
      stream.reset();
    }),
  },
  {
    id: 'robustness.connection-lost',
    title: 'A connection that breaks with twenty requests and answers on it does no harm',
    level: 'must',
    run: async (bench) => {
      const connection = await bench.connect();
      const streams = Array.from({ length: 20 }, () => connection.openStream());
      await Promise.all(
        streams.map(async (stream, i) => {
          if (i % 2 === 0) sendHead(stream);
          else await untilAnswering(stream, bench);
        }),
      );
      connection.destroy();
      await expectServes(bench, () => bench.exchange(chat(bench)));
    },
  },
  {
    id: 'robustness.books-closed',
    title: 'When everybody has vanished, no request counts as running any more',
    level: 'should',
    run: async (bench) => {
      const running = async (): Promise<number | undefined> => {
        const page = await bench.metrics();
        const sums = RUNNING.flatMap((name) => page.sum(name) ?? []);
        return sums.length === 0 ? undefined : Math.max(...sums);
      };
      expectRouted(bench, await bench.exchange(chat(bench)));
      if ((await running()) === undefined) throw new NotJudged('nothing counts running requests');
      const connection = await bench.connect();
      const streams = Array.from({ length: 10 }, () => connection.openStream());
      await Promise.all(streams.map((stream) => untilAnswering(stream, bench)));
      for (const stream of streams) stream.reset();
      const isZero = await bench.eventually(async () => (await running()) === 0);
      expectThat(isZero, `${String(await running())} requests count as running`);
    },
  },
  {
    id: 'robustness.duplicate-end-of-body',
    title:
      'A second end of the request body is ignored: the request gets one place, and its answer passes',
    level: 'should',
    run: async (bench) => {
      const stream = await bench.openStream();
      const listening = new Listening(stream, bench.waitMs);
      sendChat(stream, chatBody(bench.freshPrompt(), { stream: true }));
      stream.send({ requestBody: { endOfStream: true } });
      await listening.untilEnd('request');
      listening.sendAnswerHead();
      sendAnswerBody(stream, secondEvent, true);
      await listening.untilEnd('response');
      const result = (await listening.rest(100)).result();
      stream.reset();
      expectFinished(result);
      expectEqual('last chunks of the request body', result.requestBody.ends, 1);
    },
  },
  {
    id: 'robustness.duplicate-end-of-answer',
    title: 'A second end of an answer does no harm',
    level: 'must',
    run: says((stream, bench) => {
      sendChat(stream, chatBody(bench.freshPrompt()));
      sendAnswerHead(stream);
      sendAnswerBody(stream, firstEvent, true);
      sendAnswerBody(stream, '', true);
    }),
  },
  {
    id: 'robustness.body-first',
    title: 'A body without headers before it does no harm',
    level: 'must',
    run: says((stream) => {
      sendBody(stream, '{}');
    }),
  },
  {
    id: 'robustness.answer-first',
    title: 'An answer without a request before it, as the proxy’s own answers are, does no harm',
    level: 'must',
    run: says((stream) => {
      sendAnswerHead(stream);
      sendAnswerBody(stream, firstEvent, true);
    }),
  },
  {
    id: 'robustness.answer-before-end',
    title: 'An answer that begins before the request has ended does no harm',
    level: 'must',
    run: says((stream) => {
      sendHead(stream);
      sendBody(stream, '{"model":', false);
      sendAnswerHead(stream);
      sendAnswerBody(stream, firstEvent, true);
    }),
  },
  {
    id: 'robustness.trailers-first',
    title: 'Trailers without anything before them do no harm',
    level: 'must',
    run: says((stream) => {
      stream.send({ requestTrailers: { trailers: headerMapOf([['x-late', '1']]) } });
      stream.send({ responseTrailers: { trailers: headerMapOf([['x-late', '1']]) } });
    }),
  },
  {
    id: 'robustness.headers-twice',
    title: 'Headers that come twice do no harm',
    level: 'must',
    run: says((stream, bench) => {
      sendHead(stream);
      sendHead(stream, '/v1/completions');
      sendBody(stream, chatBody(bench.freshPrompt()));
    }),
  },
  {
    id: 'robustness.after-refusal',
    title: 'A body that goes on after the request was refused does no harm',
    level: 'must',
    run: says((stream) => {
      sendHead(stream);
      sendBody(stream, 'no JSON', true);
      sendBody(stream, 'more', false);
      sendBody(stream, '', true);
    }),
  },
  {
    id: 'robustness.empty-message',
    title: 'A message without any content does no harm',
    level: 'must',
    run: says((stream) => {
      stream.send({});
    }),
  },
  {
    id: 'robustness.not-protobuf',
    title: 'Bytes that are no message end the stream they came on, and nothing else',
    level: 'must',
    run: says((stream) => {
      stream.sendBytes(Buffer.from('ffffffffffffffff', 'hex'));
    }),
  },
  {
    id: 'robustness.no-headers',
    title: 'A request whose headers are missing altogether does no harm',
    level: 'must',
    run: says((stream) => {
      stream.send({ requestHeaders: { endOfStream: true } });
    }),
  },
  {
    id: 'robustness.large-message',
    title: 'A message of 5 MB is served or refused, and nothing else suffers',
    level: 'must',
    run: async (bench) => {
      const connection = await bench.connect();
      const body = chatBody(bench.freshPrompt(5_000_000));
      const result = await bench.exchange(
        { path: CHAT_PATH, body, chunkBytes: [Infinity] },
        connection,
      );
      const { end, silence } = result;
      expectThat(silence === undefined, `${silence ?? ''} did not come`);
      const isRefused = end?.kind === 'status' && !isOk(end);
      if (!isRefused && result.immediate === undefined) expectRouted(bench, result);
      await expectServes(bench, () => bench.exchange(chat(bench), connection));
    },
  },
  {
    id: 'robustness.strange-metadata',
    title: 'Metadata of other filters does no harm, nor do attributes',
    level: 'must',
    run: async (bench) => {
      const metadata = {
        'envoy.filters.http.jwt_authn': { payload: { sub: 'alice', roles: ['a', 1, null, true] } },
        'envoy.lb.subset_hint': { other: 'value' },
        'envoy.lb': { 'x-gateway-destination-endpoint': '192.0.2.1:80' },
      };
      expectRouted(bench, await bench.exchange(chat(bench, { metadata })));
    },
  },
  {
    id: 'robustness.stays-a-refusal',
    title: 'A hundred bad requests in a row are a hundred errors, and the next good one is served',
    level: 'must',
    run: async (bench) => {
      for (let i = 0; i < 100; i++) {
        expectRefused(await bench.exchange({ path: CHAT_PATH, body: `{"bad":${i}` }), 400);
      }
      expectRouted(bench, await bench.exchange(streamedChat(bench)));
    },
  },
];
