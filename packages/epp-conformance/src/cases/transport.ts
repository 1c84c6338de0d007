// SPDX-License-Identifier: Apache-2.0
import { gzipSync } from 'node:zlib';
import { constants } from 'node:http2';
import { processingRequest } from '@llm-d/protos';
import type { ExtProcConnection } from '../proxy/ext-proc-connection.ts';
import { headerMapOf } from '../proxy/header-list.ts';
import { requestHeadersOf } from '../exchange/run-exchange.ts';
import type { Bench } from './bench.ts';
import { Listening, sendAnswerBody, sendChat } from './by-hand.ts';
import type { ConformanceCase } from './conformance-case.ts';
import { Difference, expectEqual, expectThat, NotJudged } from './difference.ts';
import { expectRouted, isOk, wordsOf } from './expectations.ts';
import { chat, chatBody, sseEvents } from './requests.ts';

/** Many exchanges on one connection, some at a time, each ended in the same way. */
async function expectAllServed(
  bench: Bench,
  connection: ExtProcConnection,
  options: { readonly count: number; readonly finish: 'reset' | 'reset-no-error' },
): Promise<void> {
  const { count, finish } = options;
  let begun = 0;
  const play = async (): Promise<void> => {
    while (begun < count) {
      const number = ++begun;
      const trouble = (why: string) =>
        new Difference(`exchange ${number} of ${count} on one connection failed: ${why}`);
      try {
        expectRouted(bench, await bench.exchange(chat(bench, { finish }), connection));
      } catch (error) {
        throw trouble(connection.ended ?? (error instanceof Error ? error.message : String(error)));
      }
    }
  };
  await Promise.all(Array.from({ length: 16 }, play));
  expectThat(connection.ended === undefined, `the connection ended: ${connection.ended ?? ''}`);
}

/** Streams that stay open while others pass. */
const LONG_STREAMS = 100;

/** The connection between proxy and endpoint picker. */
export const transportCases: readonly ConformanceCase[] = [
  {
    id: 'transport.alpn',
    title: 'TLS agrees on HTTP/2',
    level: 'must',
    run: async (bench) => {
      if (bench.transport !== 'tls') throw new NotJudged('it does not speak TLS');
      expectEqual('protocol', (await bench.connect()).alpnProtocol, 'h2');
    },
  },
  {
    id: 'transport.authority-of-istio',
    title: 'A stream whose :authority is no URI authority, as Istio’s are, is served',
    level: 'must',
    run: async (bench) => {
      const authority = 'outbound|9002||epp.default.svc.cluster.local';
      expectRouted(bench, await bench.exchange(chat(bench, { call: { authority } })));
    },
  },
  {
    id: 'transport.resets',
    title:
      '2,000 exchanges on one connection are served though each ends with RST_STREAM(INTERNAL_ERROR)',
    level: 'must',
    limitMs: 180_000,
    run: async (bench) => {
      await expectAllServed(bench, await bench.connect(), { count: 2000, finish: 'reset' });
    },
  },
  {
    id: 'transport.resets-no-error',
    title:
      '1,500 exchanges on one connection are served though each ends with RST_STREAM(NO_ERROR)',
    level: 'must',
    limitMs: 180_000,
    run: async (bench) => {
      await expectAllServed(bench, await bench.connect(), {
        count: 1500,
        finish: 'reset-no-error',
      });
    },
  },
  {
    id: 'transport.graceful-close',
    title:
      'A proxy that closes its half after an exchange gets the end of the stream, with status OK',
    level: 'must',
    run: async (bench) => {
      const result = await bench.exchange(chat(bench, { finish: 'half-close' }));
      expectRouted(bench, result);
      const { end } = result;
      expectThat(
        end !== undefined && isOk(end),
        `the stream ended with ${wordsOf(end) || 'nothing'}`,
      );
    },
  },
  {
    id: 'transport.long-streams',
    title:
      '100 streamed answers stay open while 200 other exchanges pass, and all of them end well',
    level: 'must',
    run: async (bench) => {
      const [event = ''] = sseEvents();
      const streams = await Promise.all(
        Array.from({ length: LONG_STREAMS }, async () => {
          const stream = await bench.openStream();
          const listening = new Listening(stream, bench.waitMs);
          sendChat(stream, chatBody(bench.freshPrompt(), { stream: true }));
          await listening.untilEnd('request');
          listening.sendAnswerHead();
          sendAnswerBody(stream, event);
          await listening.untilAnswered(event.length);
          return { stream, listening };
        }),
      );
      for (let i = 0; i < 200; i++) expectRouted(bench, await bench.exchange(chat(bench)));
      await Promise.all(
        streams.map(async ({ stream, listening }) => {
          sendAnswerBody(stream, event, true);
          await listening.untilEnd('response');
          stream.reset(constants.NGHTTP2_INTERNAL_ERROR);
        }),
      );
    },
  },
  {
    id: 'transport.many-connections',
    title: 'Twenty connections are served side by side, as many workers of a proxy have',
    level: 'must',
    run: async (bench) => {
      const connections = await Promise.all(Array.from({ length: 20 }, () => bench.connect()));
      await Promise.all(
        connections.map(async (connection) => {
          expectRouted(bench, await bench.exchange(chat(bench), connection));
        }),
      );
    },
  },
  {
    id: 'transport.ping',
    title: 'PING is answered',
    level: 'must',
    run: async (bench) => {
      expectThat(await (await bench.connect()).ping(bench.waitMs), 'no answer to PING');
    },
  },
  {
    id: 'transport.gzip',
    title: 'Messages that are compressed with gzip are read',
    level: 'should',
    run: async (bench) => {
      const stream = await bench.openStream({ metadata: { 'grpc-encoding': 'gzip' } });
      const headers = headerMapOf(requestHeadersOf({ path: '/v1/models' }));
      const message = processingRequest.encode({ requestHeaders: { headers, endOfStream: true } });
      stream.sendBytes(gzipSync(message), { compressed: true });
      await new Listening(stream, bench.waitMs).until('request-headers');
      stream.reset();
    },
  },
  {
    id: 'transport.unknown-method',
    title: 'A method that does not exist is answered with UNIMPLEMENTED',
    level: 'should',
    run: async (bench) => {
      const stream = await bench.openStream({
        method: '/envoy.service.ext_proc.v3.ExternalProcessor/Nothing',
      });
      const arrival = await stream.receive(bench.waitMs);
      stream.reset();
      const end = arrival?.kind === 'end' ? arrival.end : undefined;
      expectThat(
        end?.kind === 'status' && end.code === 12,
        `expected gRPC status 12, got ${wordsOf(end) || 'nothing'}`,
      );
    },
  },
];
