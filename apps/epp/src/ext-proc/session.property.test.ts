import type { ProcessingRequestInit } from '@llm-d/protos';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  answerBody,
  chatBody,
  createScene,
  labelsOf,
  metricNamed,
  requestBody,
  requestHead,
  responseBody,
  responseHead,
  type Peer,
  type Scene,
} from './session.testing.ts';

/** What may happen to a stream: a message of the proxy, an event of the transport, or a while in which all settles. */
type Step = (peer: Peer) => unknown;

const message =
  (given: ProcessingRequestInit): Step =>
  (peer) => {
    void peer.say(given);
  };

const bodies = fc.constantFrom(
  chatBody(),
  chatBody({ stream: true }),
  '{"model":',
  '"m","prompt":"x"}',
  'no JSON',
  '',
  'x'.repeat(70_000),
);
const paths = fc.constantFrom(
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/messages/count_tokens',
  '/elsewhere',
);
const answers = fc.constantFrom(answerBody(), 'data: {"usage":{"prompt_tokens":1}}\n\n', '', '{');

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Step>((peer) => peer.settle()) },
  fc
    .tuple(paths, fc.boolean(), fc.constantFrom({}, { prefer: 'if-available' }))
    .map(([path, endOfStream, headers]) =>
      message(requestHead({ ':path': path, ...headers }, { endOfStream })),
    ),
  fc
    .tuple(bodies, fc.boolean())
    .map(([body, endOfStream]) => message(requestBody(body, { endOfStream }))),
  fc.constant(message({ requestTrailers: {} })),
  fc
    .tuple(fc.constantFrom('application/json', 'text/event-stream', 'audio/wav'), fc.boolean())
    .map(([type, endOfStream]) => message(responseHead({ 'content-type': type }, { endOfStream }))),
  fc
    .tuple(answers, fc.boolean())
    .map(([body, endOfStream]) => message(responseBody(body, { endOfStream }))),
  fc.constant(message({ responseTrailers: {} })),
  fc.constant(message({})),
  fc.uint8Array({ maxLength: 20 }).map((bytes): Step => (peer) => {
    if (peer.ended === undefined) peer.session.onMessage(bytes);
  }),
  fc.constant<Step>((peer) => {
    peer.session.onHalfClose();
  }),
  fc.constant<Step>((peer) => {
    peer.session.shutDown();
  }),
  fc.constantFrom(undefined, 1, 2).map((room): Step => (peer) => {
    peer.room = room;
    peer.session.onDrain();
  }),
);

/** Requests in flight, whichever model of these scripts they are for. */
const open = (scene: Scene): number =>
  ['', 'm', 'test-model']
    .map((model) => scene.metrics.value(metricNamed('llm_d_epp_request_running'), labelsOf(model)))
    .reduce((sum, running) => sum + running, 0);

describe('a stream on which anything happens in any order', () => {
  test('throws nothing, and leaves nothing in flight when it is over', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 14 }), async (script) => {
        const scene = createScene({ settings: { maxBodyBytes: 80_000 } });
        const peer = scene.open();
        for (const step of script) await step(peer);
        peer.close();
        await peer.settle();
        const reserved = scene.fleet.snapshot().map(({ reservedRequests }) => reservedRequests);
        expect([open(scene), reserved]).toEqual([0, [0, 0]]);
        const unfinished = scene.picker.decisions
          .recent(1)
          .filter(({ answer, refusal }) => answer === undefined && refusal === undefined);
        expect(unfinished).toEqual([]);
        expect(scene.logger.lines.filter(({ level }) => level === 'error')).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });
});

/** Cuts a text at these places. */
function cut(text: string, places: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text);
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length];
  let from = 0;
  return ends
    .toSorted((a, b) => a - b)
    .map((to) => {
      const piece = bytes.subarray(from, to);
      from = to;
      return piece;
    });
}

const places = fc.array(fc.nat(200_000), { maxLength: 12 });
const content = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.nat(150_000).map((n) => 'x'.repeat(n)),
);

describe('a stream on which all goes as it should', () => {
  test('carries both bodies byte for byte, however they are cut and however slowly they are taken', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          said: content,
          answered: content,
          requestCuts: places,
          answerCuts: places,
          room: fc.constantFrom(undefined, 1, 3),
          hasTrailers: fc.boolean(),
          streaming: fc.boolean(),
        }),
        async ({ said, answered, requestCuts, answerCuts, room, hasTrailers, streaming }) => {
          const scene = createScene();
          const peer = scene.open();
          peer.room = room;
          const request = chatBody({ messages: [{ role: 'user', content: `!${said}` }] });
          const answer = JSON.stringify({ answered, usage: { prompt_tokens: 7 } });
          await peer.say(requestHead());
          const chunks = cut(request, requestCuts);
          for (const [i, chunk] of chunks.entries()) {
            const endOfStream = !hasTrailers && i === chunks.length - 1;
            await peer.say(requestBody(chunk, { endOfStream }));
          }
          if (hasTrailers) await peer.say({ requestTrailers: {} });
          await drain(peer, room);
          const type = streaming ? 'text/event-stream' : 'application/json';
          await peer.say(responseHead({ 'content-type': type }));
          const pieces = cut(answer, answerCuts);
          for (const [i, chunk] of pieces.entries()) {
            await peer.say(responseBody(chunk, { endOfStream: i === pieces.length - 1 }));
            await drain(peer, room);
          }
          expect(peer.body('requestBody')).toBe(request);
          expect(peer.body('responseBody')).toBe(answer);
          const ends = (phase: 'requestBody' | 'responseBody') =>
            peer.chunks(phase).map(({ eos }) => eos);
          expect(ends('requestBody').filter(Boolean)).toHaveLength(hasTrailers ? 0 : 1);
          expect(ends('responseBody').indexOf(true)).toBe(ends('responseBody').length - 1);
          expect([open(scene), peer.paused]).toEqual([0, false]);
        },
      ),
      { numRuns: 150 },
    );
  });
});

/** Takes what waits, as many messages at a time as there is room for. */
async function drain(peer: Peer, room: number | undefined): Promise<void> {
  for (let i = 0; i < 200; i++) {
    peer.room = room;
    peer.session.onDrain();
  }
  await peer.settle();
}
