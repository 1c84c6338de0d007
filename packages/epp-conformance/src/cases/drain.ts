// SPDX-License-Identifier: Apache-2.0
import { externalProcessorService } from '@llm-d/protos';
import type { ExtProcStream } from '../proxy/ext-proc-stream.ts';
import type { Bench } from './bench.ts';
import { Listening, sendAnswerBody, sendChat } from './by-hand.ts';
import type { ConformanceCase } from './conformance-case.ts';
import { Difference, expectEqual, expectThat } from './difference.ts';
import { expectRouted } from './expectations.ts';
import { chat, chatBody, sseEvents } from './requests.ts';

/** llm-d serves on for 30 s after SIGTERM; some time to end is added. */
const EXIT_MS = 45_000;

const [event = ''] = sseEvents();

interface OpenAnswer {
  readonly stream: ExtProcStream;
  readonly listening: Listening;
}

/** A streamed answer that has begun. */
async function openAnswer(bench: Bench): Promise<OpenAnswer> {
  const stream = await bench.openStream();
  const listening = new Listening(stream, bench.waitMs);
  sendChat(stream, chatBody(bench.freshPrompt(), { stream: true }));
  await listening.untilEnd('request');
  listening.sendAnswerHead();
  await listening.until('response-headers');
  return { stream, listening };
}

async function finish({ stream, listening }: OpenAnswer): Promise<void> {
  sendAnswerBody(stream, event);
  await listening.untilAnswered(event.length);
  sendAnswerBody(stream, event, true);
  await listening.untilEnd('response');
  stream.reset();
}

/** Says that the end is near; resolves when the endpoint picker can be expected to know. */
async function terminate(bench: Bench): Promise<void> {
  bench.process().terminate();
  await bench.eventually(() => Promise.resolve(false), 300);
}

const ending = (rest: Omit<ConformanceCase, 'endsSubject'>): ConformanceCase => ({
  endsSubject: true,
  ...rest,
});

/** The end of the endpoint picker’s process. */
export const drainCases: readonly ConformanceCase[] = [
  ending({
    id: 'drain.not-serving',
    title: 'After SIGTERM health is NOT_SERVING while answers are under way',
    level: 'must',
    run: async (bench) => {
      const health = bench.health();
      const answer = await openAnswer(bench);
      bench.process().terminate();
      const isSaid = await bench.eventually(
        async () => (await health.check(externalProcessorService)) === 'NOT_SERVING',
      );
      if (!isSaid) {
        const last = await health.check(externalProcessorService);
        throw new Difference(`health is ${typeof last === 'string' ? last : last.error}`);
      }
      await finish(answer);
    },
  }),
  ending({
    id: 'drain.answers-finish',
    title: 'After SIGTERM answers that are under way are brought to their end',
    level: 'must',
    run: async (bench) => {
      const answers = [await openAnswer(bench), await openAnswer(bench)];
      await terminate(bench);
      for (const answer of answers) await finish(answer);
    },
  }),
  ending({
    id: 'drain.new-requests',
    title: 'After SIGTERM new requests are served for a while, until proxies have taken notice',
    level: 'should',
    run: async (bench) => {
      const connection = await bench.connect();
      expectRouted(bench, await bench.exchange(chat(bench), connection));
      const answer = await openAnswer(bench);
      await terminate(bench);
      expectRouted(bench, await bench.exchange(chat(bench), connection));
      await finish(answer);
    },
  }),
  ending({
    id: 'drain.exit',
    title: 'After SIGTERM the process ends by itself, with code 0',
    level: 'must',
    limitMs: EXIT_MS + 15_000,
    run: async (bench) => {
      const process = bench.process();
      expectRouted(bench, await bench.exchange(chat(bench)));
      process.terminate();
      bench.hangUp();
      const code = await process.exit(EXIT_MS);
      expectThat(code !== undefined, `it still runs after ${EXIT_MS / 1000} s`);
      expectEqual('exit code', code, 0);
    },
  }),
];
