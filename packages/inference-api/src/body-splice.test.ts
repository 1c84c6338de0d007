import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { changeBody, removeSpans, spliceModel } from './body-splice.ts';
import { byteLengthOf, cutAt } from './chunk-list.ts';
import type { ParsedRequest } from './parsed-request.ts';
import { parseRequest } from './request-parser.ts';

function read(body: string): ParsedRequest {
  const result = parseRequest('completions', Buffer.from(body));
  if (!result.ok) throw new Error(result.error.message);
  return result.request;
}

function rename(body: string, model: string, cuts: readonly number[] = []): string {
  return Buffer.concat(spliceModel(cutAt(Buffer.from(body), cuts), read(body), model)).toString();
}

function strip(body: string, cuts: readonly number[] = []): string {
  const chunks = cutAt(Buffer.from(body), cuts);
  return Buffer.concat(removeSpans(chunks, read(body).kvTransferParamSpans)).toString();
}

const everyBorder = Array.from({ length: 300 }, (_, index) => index);

describe('splicing the model', () => {
  test.each([
    ['{"model":"a","prompt":"a"}', '{"model":"b","prompt":"a"}'],
    ['{ "prompt":"a", "model" : "a" }', '{ "prompt":"a", "model" : "b" }'],
    ['{"model":"a","prompt":"x","model":null}', '{"model":"b","prompt":"x","model":"b"}'],
    ['{"prompt":"x"}', '{"model":"b","prompt":"x"}'],
    [
      ' {\n"prompt":"x","seed":12345678901234567890}',
      ' {"model":"b",\n"prompt":"x","seed":12345678901234567890}',
    ],
  ])('%s becomes %s', (body, expected) => {
    expect(rename(body, 'b')).toBe(expected);
    expect(rename(body, 'b', everyBorder)).toBe(expected);
  });

  test('escapes the name as JSON needs it', () => {
    expect(rename('{"model":"a","prompt":"a"}', 'q"\\\n')).toBe(
      '{"model":"q\\"\\\\\\n","prompt":"a"}',
    );
  });

  test('changes what JSON.parse reads in nothing but the model, and no other byte, at any chunking', () => {
    const members = fc.dictionary(
      fc
        .string()
        .filter(
          (key) =>
            !['model', 'prompt', '__proto__'].includes(key) &&
            !/stream|max_tok|cache|params|xargs|embeds|boot/.test(key),
        ),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(
        members,
        fc.string(),
        fc.string(),
        fc.array(fc.nat(200)),
        (others, from, to, cuts) => {
          const body = JSON.stringify({ ...others, model: from, prompt: `"model":"${from}"` });
          const renamed = rename(body, to, cuts);
          expect(JSON.parse(renamed)).toEqual({
            ...(JSON.parse(body) as object),
            model: to.toWellFormed(),
          });
          const [span = { start: 0, end: 0 }] = read(body).modelSpans;
          const bytes = Buffer.from(body);
          expect(renamed.startsWith(bytes.subarray(0, span.start).toString())).toBe(true);
          expect(renamed.endsWith(bytes.subarray(span.end).toString())).toBe(true);
        },
      ),
    );
  });

  test('shares the chunks that it does not change', () => {
    const chunks = [Buffer.from('{"model":"a",'), Buffer.from('"prompt":"long"}')];
    const changed = spliceModel(chunks, read(Buffer.concat(chunks).toString()), 'b');
    expect(changed.at(-1)?.buffer).toBe(chunks[1]?.buffer);
  });
});

describe('removing members', () => {
  test.each([
    ['{"kv_transfer_params":{},"prompt":"x"}', '{"prompt":"x"}'],
    ['{"prompt":"x","kv_transfer_params":{}}', '{"prompt":"x"}'],
    ['{"prompt":"x" , "kv_transfer_params" : {"a":[1,{}]} , "n":1}', '{"prompt":"x" ,  "n":1}'],
    ['{"prompt":"x","kv_transfer_params":1,"ec_transfer_params":2}', '{"prompt":"x"}'],
    [
      '{"kv_transfer_params":1,"prompt":"x","kv_transfer_params":2 , "ec_transfer_params":[] \n}',
      '{"prompt":"x" \n}',
    ],
    ['{"prompt":"x","vllm_xargs":{"kv_transfer_params":"y"}}', '{"prompt":"x","vllm_xargs":{}}'],
    [
      '{"prompt":"x","vllm_xargs":{"kv_transfer_params":1,"ec_transfer_params":1}}',
      '{"prompt":"x","vllm_xargs":{}}',
    ],
    ['{"prompt":"x"}', '{"prompt":"x"}'],
  ])('%s becomes %s', (body, expected) => {
    expect(strip(body)).toBe(expected);
    expect(strip(body, everyBorder)).toBe(expected);
  });

  test('leaves JSON without them, wherever they stand', () => {
    const member = fc.constantFrom(
      '"kv_transfer_params":{"do_remote_prefill":true}',
      '"ec_transfer_params" : null',
      '"bootstrap_room":7',
      '"n":1',
      '"user":"kv_transfer_params"',
    );
    const space = fc.constantFrom('', ' ', '\n\t');
    fc.assert(
      fc.property(fc.array(member, { maxLength: 5 }), fc.nat(5), space, (members, at, gap) => {
        const all = [...members.slice(0, at), '"prompt":"x"', ...members.slice(at)];
        const stripped = strip(`{${gap}${all.join(`${gap},${gap}`)}${gap}}`);
        const expected = JSON.parse(`{${all.join(',')}}`) as Record<string, unknown>;
        for (const name of ['kv_transfer_params', 'ec_transfer_params', 'bootstrap_room']) {
          Reflect.deleteProperty(expected, name);
        }
        expect(JSON.parse(stripped)).toEqual(expected);
      }),
    );
  });
});

test('a body is renamed and stripped at once, and its length told', () => {
  const body = '{"kv_transfer_params":1,"prompt":"é","ec_transfer_params":2}';
  const { chunks, contentLength } = changeBody([Buffer.from(body)], read(body), {
    model: 'b',
    stripTransferParams: true,
  });
  expect(Buffer.concat(chunks).toString()).toBe('{"model":"b","prompt":"é"}');
  expect(contentLength).toBe(Buffer.concat(chunks).length);
  expect(byteLengthOf(changeBody([Buffer.from(body)], read(body), {}).chunks)).toBe(
    Buffer.byteLength(body),
  );
});
