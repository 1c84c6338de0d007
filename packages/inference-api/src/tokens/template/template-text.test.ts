import { expect, test } from 'vitest';
import { parseJsonText } from '../../json/json-text.ts';
import { createChatTemplate } from './chat-template.ts';

const render = (template: string, json: string) =>
  createChatTemplate(template, { now: () => 0 }).render({ x: parseJsonText(json) });

// What Jinja 3.1 prints.
test.each([
  ['{{ x.a }}|{{ x.b }}|{{ x.n }}|{{ x.u }}', '{"a":true,"b":false,"n":null}', 'True|False|None|'],
  [
    '{{ x.f }}|{{ x.i }}|{{ x.l }}',
    '{"f":1e20,"i":7,"l":18446744073709551615}',
    '1e+20|7|18446744073709551615',
  ],
  ['{{ x.a ~ 1 ~ x.n ~ "s" }}', '{"a":true,"n":null}', 'True1Nones'],
  ['{{ (x.a | string) + "!" }}', '{"a":false}', 'False!'],
  ['{% if x.a %}{{ x.n }}{% else %}{{ 2 > 1 }}{% endif %}', '{"a":0,"n":1}', 'True'],
  ['{% for i in x %}{{ i }},{% else %}none{% endfor %}', '[1,2.50,"s"]', '1,2.5,s,'],
  ['{% macro m(v) %}{{ v }}{% endmacro %}{{ m(x.a) ~ m(x.n) }}', '{"a":true,"n":null}', 'TrueNone'],
  ['{% set s %}{{ x.a }}{% endset %}{{ s }}', '{"a":true}', 'True'],
])('%s', (template, json, expected) => {
  expect(render(template, json)).toBe(expected);
});

test.each(['{{ x }}', '{{ x ~ "" }}', '{{ "" ~ x.a }}', '{{ x | string }}', '{{ x.a | string }}'])(
  '%s, a list or an object, would look different in Python',
  (template) => {
    expect(() => render(template, '{"a":["s"]}')).toThrow('without tojson');
  },
);
