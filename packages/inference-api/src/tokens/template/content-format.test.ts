import { expect, test } from 'vitest';
import { detectContentFormat } from './content-format.ts';
import { parseTemplate } from './jinja.ts';

const each = (inner: string, list = 'messages') => `{% for m in ${list} %}${inner}{% endfor %}`;
const parts = (of: string) => `{% for p in ${of} %}{{ p.text }}{% endfor %}`;

// As vLLM's detection has it, which was run on each of these but the last, where it does not end.
test.each<[string, string, 'string' | 'openai']>([
  ['content printed', each('{{ m.content }}'), 'string'],
  ['a loop over content', each(parts('m.content')), 'openai'],
  ['a loop over a member by name', each(parts("m['content']")), 'openai'],
  [
    'a condition first',
    each(`{% if m.content is string %}x{% else %}${parts('m.content')}{% endif %}`),
    'openai',
  ],
  ['a loop over something else', each(parts('m.tool_calls')), 'string'],
  [
    'messages by another name',
    `{% set all = messages[1:] %}${each(parts('m.content'), 'all')}`,
    'openai',
  ],
  ['messages filtered', each(parts('m.content | reverse'), 'messages | list'), 'openai'],
  [
    'some of the messages',
    `{% for m in messages if m.role %}${parts('m.content')}{% endfor %}`,
    'openai',
  ],
  ['other lists', each(parts('m.content'), 'others'), 'string'],
  ['content by a variable', each(`{% set c = m.content %}${parts('c')}`), 'string'],
  [
    'content by the variable content',
    each(`{% set content = m.content %}${parts('content')}`),
    'openai',
  ],
  [
    'a macro',
    `{% macro f(x, c) %}${parts('c')}{% endmacro %}${each('{{ f(1, m.content) }}')}`,
    'openai',
  ],
  [
    'a macro by name',
    `{% macro f(c) %}${parts('c')}{% endmacro %}${each('{{ f(c=m.content) }}')}`,
    'openai',
  ],
  [
    'a macro with a default',
    `{% macro f(c=none) %}${parts('c')}{% endmacro %}${each('{{ f(m.content) }}')}`,
    'openai',
  ],
  [
    'a macro for something else',
    `{% macro f(content) %}${parts('content')}{% endmacro %}${each('{{ f(m.tool_calls) }}')}`,
    'string',
  ],
  [
    'names that go in circles',
    `{% set a = messages %}{% set b = a %}{% set a = b %}${each('{{ m.content }}', 'a')}`,
    'string',
  ],
])('%s', (_, template, expected) => {
  expect(detectContentFormat(parseTemplate(template))).toBe(expected);
});
