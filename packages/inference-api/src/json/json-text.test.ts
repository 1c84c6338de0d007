import { expect, test } from 'vitest';
import { parseJsonText, writeJsonText, writePythonJson } from './json-text.ts';

test('numbers are written as they were read', () => {
  const text = '{"z":1.0,"a":[1e0,12345678901234567890,-0.50],"n":null,"t":true}';
  expect(writeJsonText(parseJsonText(text))).toBe(text);
});

// What CPython 3.12 prints.
test.each([
  ['{"city":"Paris","n":[1,2],"e":{}}', '{"city": "Paris", "n": [1, 2], "e": {}}'],
  ['"é 😀 \\u007f\\n\\"/"', '"\\u00e9 \\ud83d\\ude00 \\u007f\\n\\"/"'],
  ['[1.0,1e0,1.50,-0.0]', '[1.0, 1.0, 1.5, -0.0]'],
  ['[12345678901234567890,-0]', '[12345678901234567890, 0]'],
  ['[1e15,1e16,1.5e17,1e22]', '[1000000000000000.0, 1e+16, 1.5e+17, 1e+22]'],
  ['[0.0001,0.00001,1e-7,1.5e-10]', '[0.0001, 1e-05, 1e-07, 1.5e-10]'],
  ['[1e400,-1e400]', '[Infinity, -Infinity]'],
  ['[null,true,false]', '[null, true, false]'],
])('%s is %s in Python', (text, expected) => {
  expect(writePythonJson(parseJsonText(text))).toBe(expected);
});
