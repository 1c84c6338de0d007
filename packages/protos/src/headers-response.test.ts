import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeHeadersResponse, encodeMetadataText, processingResponse } from './index.ts';

const text = fc.oneof(
  fc.string({ maxLength: 200 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
);

test('changes of headers are the bytes of the generated code', () => {
  const pairs = fc.array(fc.tuple(text, text), { maxLength: 6 });
  const phase = fc.constantFrom('requestHeaders' as const, 'responseHeaders' as const);
  fc.assert(
    fc.property(
      phase,
      pairs,
      fc.array(text, { maxLength: 3 }),
      fc.boolean(),
      (of, set, remove, clears) => {
        const setHeaders = set.map(([key, value]) => ({
          header: { key, rawValue: Buffer.from(value) },
        }));
        const response = {
          headerMutation: { setHeaders, removeHeaders: remove },
          clearRouteCache: clears,
        };
        const change = { set: set.flat(), remove, clearsRouteCache: clears };
        const encoded = encodeHeadersResponse(of, change);
        expect(encoded.toString('hex')).toBe(
          processingResponse.encode({ [of]: { response } }).toString('hex'),
        );
      },
    ),
  );
});

test('a text in dynamic metadata is the bytes of the generated code', () => {
  fc.assert(
    fc.property(text, text, text, (namespace, key, value) => {
      // A plain object would lose the name that stands for its prototype.
      fc.pre(namespace !== '__proto__' && key !== '__proto__');
      const inner = { structValue: { fields: { [key]: { stringValue: value } } } };
      expect(encodeMetadataText(namespace, key, value).toString('hex')).toBe(
        processingResponse
          .encode({ dynamicMetadata: { fields: { [namespace]: inner } } })
          .toString('hex'),
      );
    }),
  );
});
