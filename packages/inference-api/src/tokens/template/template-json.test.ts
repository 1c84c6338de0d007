import { expect, test } from 'vitest';
import { parseJsonText } from '../../json/json-text.ts';
import { createChatTemplate } from './chat-template.ts';

const render = (expression: string, json: string) =>
  createChatTemplate(`{{ ${expression} }}`, { now: () => 0 }).render({ x: parseJsonText(json) });

// What CPython 3.11 prints.
test.each([
  ['x | tojson', '{"b":1.0,"a":[1,true,null]}', '{"b": 1.0, "a": [1, true, null]}'],
  [
    'x | tojson',
    '[1e20,1e-7,0.1,-0.0,1e5,18446744073709551615,-5]',
    '[1e+20, 1e-07, 0.1, -0.0, 100000.0, 18446744073709551615, -5]',
  ],
  ['x | tojson', '"é\\u007f<&>\'/\\n"', '"é\u007f<&>\'/\\n"'],
  ['x | tojson(ensure_ascii=true)', '"é🙂"', '"\\u00e9\\ud83d\\ude42"'],
  ['x | tojson(true)', '"é"', '"\\u00e9"'],
  [
    'x | tojson(indent=2)',
    '{"a":[],"b":{},"c":[1,{"d":2}]}',
    '{\n  "a": [],\n  "b": {},\n  "c": [\n    1,\n    {\n      "d": 2\n    }\n  ]\n}',
  ],
  ['x | tojson(indent=0)', '[1,2]', '[\n1,\n2\n]'],
  ['x | tojson(indent=1, separators=(", ", "="))', '{"a":1,"b":2}', '{\n "a"=1, \n "b"=2\n}'],
  [
    'x | tojson(sort_keys=true, separators=(",", ":"))',
    '{"b":1,"a":{"d":1,"c":2}}',
    '{"a":{"c":2,"d":1},"b":1}',
  ],
  ['(x.a | tojson) ~ "!"', '{"a":1}', '1!'],
  ['x.a + 1', '{"a":1}', '2'],
])('%s of %s', (expression, json, expected) => {
  expect(render(expression, json)).toBe(expected);
});

test('names that are numbers lose their order, so that they are refused', () => {
  expect(() => render('x | tojson', '{"b":1,"1":2}')).toThrow('numbers for names');
  expect(render('x | tojson', '{"1":2}')).toBe('{"1": 2}');
});
