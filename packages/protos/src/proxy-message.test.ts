import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  InvalidMessageError,
  processingRequest,
  readProxyMessage,
  type HeaderMapInit,
  type ProcessingRequestInit,
} from './index.ts';

const text = fc.oneof(fc.string({ maxLength: 12 }), fc.string({ unit: 'grapheme', maxLength: 6 }));
const headerMap: fc.Arbitrary<HeaderMapInit> = fc.record({
  headers: fc.array(
    fc.oneof(
      fc.record({ key: text, rawValue: text.map((value) => Buffer.from(value)) }),
      // Old proxies write values as text.
      fc.record({ key: text, value: text }),
    ),
    { maxLength: 4 },
  ),
});
const headers = fc.record({ headers: headerMap, endOfStream: fc.boolean() });
const trailers = fc.record({ trailers: headerMap });
const body = fc.record({
  body: fc.uint8Array({ maxLength: 300 }),
  endOfStream: fc.boolean(),
});
const phase: fc.Arbitrary<ProcessingRequestInit> = fc.oneof(
  headers.map((requestHeaders) => ({ requestHeaders })),
  headers.map((responseHeaders) => ({ responseHeaders })),
  body.map((requestBody) => ({ requestBody })),
  body.map((responseBody) => ({ responseBody })),
  trailers.map((requestTrailers) => ({ requestTrailers })),
  trailers.map((responseTrailers) => ({ responseTrailers })),
  fc.constant({}),
);
const extras: fc.Arbitrary<ProcessingRequestInit> = fc.record(
  {
    metadataContext: fc.constant({
      filterMetadata: { lb: { fields: { hint: { stringValue: 'a' } } } },
    }),
    protocolConfig: fc.constant({ requestBodyMode: 4, responseBodyMode: 4 }),
    attributes: fc.constant({ envoy: { fields: { x: { numberValue: 1 } } } }),
  },
  { requiredKeys: [] },
);
const message = fc
  .tuple(phase, extras)
  .map(([about, beside]) => processingRequest.encode({ ...about, ...beside }));

/** What the generated code makes of the same bytes. */
function expected(bytes: Buffer): unknown {
  const decoded = processingRequest.decode(bytes);
  const head = decoded.requestHeaders ?? decoded.responseHeaders;
  const tail = decoded.requestTrailers ?? decoded.responseTrailers;
  const chunk = decoded.requestBody ?? decoded.responseBody;
  const map = head?.headers ?? tail?.trailers;
  return {
    phase: decoded.request,
    headers: (map?.headers ?? []).flatMap(({ key, value, rawValue }) => [
      key,
      rawValue.length > 0 ? Buffer.from(rawValue).toString() : value,
    ]),
    body: Buffer.from(chunk?.body ?? []).toString('hex'),
    endOfStream: (head ?? chunk)?.endOfStream ?? false,
    metadataContext: decoded.metadataContext,
    protocolConfig: decoded.protocolConfig,
  };
}

function outcome(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidMessageError);
    return 'invalid';
  }
}

const comparable = (bytes: Buffer) => {
  const { body: bytesOfBody, ...rest } = readProxyMessage(bytes);
  return { ...rest, body: Buffer.from(bytesOfBody).toString('hex') };
};

test('every message means what the generated code reads', () => {
  fc.assert(
    fc.property(message, (bytes) => {
      expect(comparable(bytes)).toEqual(expected(bytes));
    }),
  );
});

test('so does every damaged one, or both refuse it', () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(message, damage, fc.nat(), (whole, changes, cut) => {
      const bytes = Buffer.from(whole.subarray(0, whole.length - (cut % 3)));
      for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
      expect(outcome(() => comparable(bytes))).toEqual(outcome(() => expected(bytes)));
    }),
    { numRuns: 2000 },
  );
});

test('two phases in one message: the last one counts, as Protocol Buffers say', () => {
  const bytes = Buffer.concat([
    processingRequest.encode({ requestBody: { body: Buffer.from('a') } }),
    processingRequest.encode({ responseBody: { body: Buffer.from('b'), endOfStream: true } }),
  ]);
  expect(comparable(bytes)).toEqual(expected(bytes));
});

test('a body is a view of the message', () => {
  const bytes = processingRequest.encode({ requestBody: { body: Buffer.from('prompt') } });
  expect(readProxyMessage(bytes).body.buffer).toBe(bytes.buffer);
});
