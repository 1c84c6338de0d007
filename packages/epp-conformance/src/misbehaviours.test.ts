// That each case can fail: an endpoint picker that makes one mistake is caught by the cases about it.
import { systemClock } from '@llm-d/determinism';
import { describe, expect, test } from 'vitest';
import { conformanceCases, selectCases } from './cases/all-cases.ts';
import { judge } from './judge.ts';
import type { Misbehaviour } from './scripted/misbehaviour.testing.ts';
import { muteSubject, scriptedSubject } from './scripted/scripted-subject.testing.ts';

/** Mistakes, and the cases that must find each of them; others may find it as well. */
const caughtBy: Readonly<Record<Misbehaviour, readonly string[]>> = {
  'body before headers': ['routing.answer-order'],
  'sends to strangers': [
    'routing.destination-header',
    'apis.openai-chat',
    'robustness.strange-metadata',
    'transport.long-streams',
  ],
  'no destination metadata': ['routing.destination-metadata', 'routing.header-only'],
  'keeps the route cache': ['routing.clear-route-cache'],
  'wrong content-length': [
    'routing.content-length-true',
    'model.rewrite-header',
    'model.rewrite-header-former',
  ],
  'no content-length': ['routing.content-length-set'],
  'values not raw': ['routing.raw-values'],
  'silent without a body': [
    'routing.header-only',
    'routing.whole-fleet',
    'candidates.no-endpoints-header-only',
    'response.header-only-request',
    'transport.gzip',
  ],
  'always the first': [
    'routing.whole-fleet',
    'candidates.ports-are-endpoints',
    'selection.burst-spreads',
    'selection.burst-even',
  ],
  'mixes up exchanges': ['routing.interleaved'],
  'own request id': ['headers.request-id-kept', 'headers.value-field', 'headers.case-insensitive'],
  'same request id': ['headers.request-id-made'],
  'removes authorization': ['headers.preserved'],
  'appends what it repeats': ['headers.preserved'],
  'new trace': ['headers.trace-context'],
  'keeps a destination that is there': [
    'headers.destination-replaced',
    'headers.destination-replaced-header-only',
  ],
  'repeats control headers': ['headers.system-owned'],
  'lets forged headers pass': ['headers.forged-removed'],
  'reads raw values only': ['headers.value-field'],
  'minds the case': ['headers.case-insensitive'],
  'few headers only': ['headers.large'],
  'writes JSON anew': [
    'body.untouched-json',
    'model.rewrite-keeps-the-rest',
    'model.rewrite-to-the-same',
  ],
  'forgets the end of an empty body': ['body.empty'],
  'waits for an empty chunk': ['body.ended-by-last-chunk', 'body.split'],
  'overlooks empty chunks': ['body.ended-by-empty-chunk', 'body.empty'],
  'answers the first chunk': ['body.split', 'body.byte-by-byte'],
  'ends at an empty chunk': ['body.empty-chunks-between'],
  'ignores request trailers': ['body.ended-by-trailers'],
  'loses bytes between chunks': ['body.sizes', 'body.one-megabyte', 'body.ten-megabytes'],
  'small bodies only': [
    'body.one-megabyte',
    'body.ten-megabytes',
    'body.no-text',
    'model.rewrite-large',
  ],
  'takes bodies for text': ['body.no-text'],
  'body in one chunk': ['body.chunk-size'],
  'knows chats only': [
    'apis.openai-completions',
    'apis.openai-embeddings',
    'apis.openai-responses',
    'apis.anthropic-messages',
    'apis.anthropic-count-tokens',
    'apis.vllm-generate',
    'apis.sglang-generate',
    'apis.path-prefix',
    'apis.path-query',
    'apis.unknown-path',
  ],
  'knows plain text only': ['apis.openai-chat', 'apis.anthropic-messages'],
  'stays for count_tokens': ['apis.count-tokens-skips-answer'],
  'does not rename': ['model.rewrite-header', 'model.rewrite-header-former', 'model.rewrite-large'],
  'does not rename back': [
    'model.restored-json',
    'model.restored-sse',
    'model.restored-json-split',
  ],
  'renames back by chunk': ['model.restored-json-split', 'model.restored-sse-split'],
  'renames back everywhere': ['model.content-untouched'],
  'renames back always': ['model.not-restored-needlessly'],
  'ignores subsets': [
    'candidates.subset-one',
    'candidates.subset-several',
    'candidates.subset-address',
    'candidates.subset-text',
    'candidates.subset-nobody',
    'candidates.subset-empty',
    'candidates.subset-port',
  ],
  'subset: lists only': ['candidates.subset-text'],
  'subset: ports needed': ['candidates.subset-address'],
  'subset: addresses only': ['candidates.subset-port'],
  'subset: no strangers': ['candidates.subset-with-strangers'],
  'subset: on headers only': ['candidates.subset-with-body-only'],
  'subset: on bodies only': ['candidates.subset-with-headers-only'],
  'subset: not without a body': ['candidates.subset-header-only-request'],
  'no drop reason': ['candidates.drop-reason', 'candidates.no-endpoints'],
  'own texts': [
    'candidates.refusal-text',
    'candidates.no-endpoints-header-only-text',
    'errors.not-json-text',
    'errors.no-model-text',
  ],
  'waits for endpoints': ['candidates.no-endpoints', 'candidates.subset-nobody'],
  'endpoints stay': ['candidates.endpoint-leaves'],
  'picks at random': [
    'selection.queue-and-cache',
    'selection.queue',
    'selection.cache',
    'selection.follows-load',
    'selection.prefix',
    'selection.lora',
    'selection.streamed',
  ],
  'sticks to prefixes': ['selection.prefix-yields-to-load'],
  'first of the idle': ['selection.burst-spreads'],
  'uneven bursts': ['selection.burst-even'],
  'wants known objectives': ['selection.unknown-objective'],
  'wants no fairness id': ['selection.fairness'],
  'takes anything': [
    'errors.not-json',
    'errors.empty-body',
    'errors.no-model',
    'errors.no-messages',
    'errors.no-prompt',
    'robustness.stays-a-refusal',
  ],
  'fears depth': ['errors.nested-deep'],
  'talks after a refusal': ['errors.last-word', 'errors.one-answer'],
  'routes, then refuses': ['errors.one-answer'],
  'dies of a bad request': ['errors.recovers', 'robustness.after-refusal'],
  'loses the end of answers': [
    'response.json',
    'response.json-chunks',
    'response.header-only-request',
    'response.stream-flag-without-stream',
  ],
  'small messages': ['response.json-one-message'],
  'changes headers of answers': ['response.headers', 'response.error-text', 'response.binary'],
  'header about its insides': ['response.no-debug-header'],
  'holds streams': [
    'response.sse',
    'response.sse-unasked',
    'response.sse-odd-chunks',
    'response.sse-no-events',
  ],
  'streams by the request': ['response.sse-unasked'],
  'ignores response trailers': ['response.trailers'],
  'head with the first chunk': ['response.without-body'],
  'answers as text': ['response.binary', 'response.sse-odd-chunks'],
  'hides server errors': ['response.error-status', 'response.error-text'],
  'small answers only': ['response.large'],
  'marks no end': ['response.json', 'response.sse', 'response.sse-long'],
  'dies of vanished clients': [
    'robustness.reset-after-headers',
    'robustness.reset-in-body',
    'robustness.reset-after-body',
    'robustness.reset-when-placed',
    'robustness.reset-in-answer',
    'robustness.nothing-said',
    'robustness.connection-lost',
  ],
  'ignores half-closes': ['robustness.half-close-early', 'transport.graceful-close'],
  'answers every end': ['robustness.duplicate-end-of-body'],
  'dies of disorder': [
    'robustness.duplicate-end-of-answer',
    'robustness.body-first',
    'robustness.answer-first',
    'robustness.answer-before-end',
    'robustness.trailers-first',
    'robustness.headers-twice',
    'robustness.empty-message',
    'robustness.no-headers',
  ],
  'dies of garbage': ['robustness.not-protobuf'],
  'dies of large messages': ['robustness.large-message'],
  'obeys metadata': ['robustness.strange-metadata'],
  'never closes its books': ['robustness.books-closed'],
  'no ALPN': ['transport.alpn'],
  'authorities of nghttp2': ['transport.authority-of-istio'],
  tires: ['transport.resets', 'transport.resets-no-error'],
  'few streams': ['transport.long-streams'],
  'few connections': ['transport.many-connections'],
  'no such method exists': ['transport.unknown-method'],
  'ignores the selection header': [
    'contract.select-address',
    'contract.select-address-and-port',
    'contract.select-list',
    'contract.select-nobody',
  ],
  'no served endpoint': ['contract.served-endpoint', 'contract.served-endpoint-unknown'],
  'health by name': [
    'health.inference-extension',
    'health.ext-proc',
    'health.liveness',
    'health.readiness',
  ],
  'never healthy': ['health.server', 'health.watch'],
  'no watch': ['health.watch'],
  'no metrics': ['metrics.page'],
  'metrics by own names': ['metrics.current-names', 'metrics.former-names'],
  'counts twice': ['metrics.requests'],
  'no usage': ['metrics.usage-json', 'metrics.usage-sse'],
  'usage by chunk': ['metrics.usage-sse-split'],
  'server errors uncounted': ['metrics.server-errors'],
  'endpoints untold': ['metrics.endpoints'],
  'serving to the last': ['drain.not-serving'],
  'cuts answers off': ['drain.answers-finish'],
  'refuses in the end': ['drain.new-requests'],
  'bad exit code': ['drain.exit'],
};

const options = { clock: systemClock, waitMs: 400, readyMs: 400 };

describe('an endpoint picker without mistakes', () => {
  test('passes every case', { timeout: 180_000 }, async () => {
    const report = await judge(scriptedSubject(), { ...options, waitMs: 5000, readyMs: 15_000 });
    const others = report.cases.filter(({ result }) => result !== 'pass' && result !== 'better');
    expect(others).toEqual([]);
    expect(report.cases.map(({ id }) => id)).toEqual(conformanceCases.map(({ id }) => id));
    expect(report.conforms).toBe(true);
  });
});

describe('an endpoint picker is caught that', () => {
  test.concurrent.each(Object.entries(caughtBy))(
    '%s',
    { timeout: 120_000 },
    async (misbehaviour, ids) => {
      // The table's own keys.
      const subject = scriptedSubject(misbehaviour as Misbehaviour);
      const { cases } = await judge(subject, { ...options, cases: selectCases(ids) });
      const missed = cases.filter(({ result }) => result !== 'fail' && result !== 'as-upstream');
      expect(missed).toEqual([]);
    },
  );
});

test('every case but those about answering at all is there to catch a mistake', () => {
  const catching = new Set(Object.values(caughtBy).flat());
  const rest = conformanceCases.map(({ id }) => id).filter((id) => !catching.has(id));
  expect(rest).toEqual(['transport.ping']);
});

test('an endpoint picker that says nothing fails every case', { timeout: 120_000 }, async () => {
  const report = await judge(muteSubject(), { ...options, waitMs: 30, readyMs: 30 });
  const others = report.cases.filter(({ result }) => result !== 'fail' && result !== 'as-upstream');
  // There is no TLS to be judged.
  expect(others.map(({ id, result }) => `${id} ${result}`)).toEqual(['transport.alpn skipped']);
  expect(report.conforms).toBe(false);
});
