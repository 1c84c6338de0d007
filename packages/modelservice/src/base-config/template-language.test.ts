import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fillTemplate } from './template-language.ts';
import { TemplateError } from './template-position.ts';

const scope = {
  variables: { Name: 'svc', Empty: '', HFModelName: 'org/model', ModelPath: 'a/b' },
  ports: new Map([['app_port', 8000]]),
};
const fill = (template: string): string => fillTemplate(template, scope);

test.each([
  ['plain {text} }} with braces', 'plain {text} }} with braces'],
  ['a {{ .Name }} b', 'a svc b'],
  ['{{.Name}}', 'svc'],
  ['{{ "app_port" | getPort }}', '8000'],
  ['{{ getPort "app_port" }}', '8000'],
  ['{{ getPort `none` }}', '-1'],
  ['{{ default (print "/models/" .ModelPath) .HFModelName }}', 'org/model'],
  ['{{ default (print "/models/" .ModelPath) .Empty }}', '/models/a/b'],
  ['{{ .Empty | default "x" | upper | quote }}', '"X"'],
  ['{{ print 1 2 "a" 3 }}', '1 2a3'],
  ['{{ "}}" }}', '}}'],
  ['a{{/* nothing }} here */}}b', 'ab'],
  ['a  {{- .Name -}}  b', 'asvcb'],
  ['a\n  {{- if .Name }}\n  b\n  {{- else }}\n  c\n  {{- end }}\nd', 'a\n  b\nd'],
  ['a\n  {{- if .Empty }}\n  b\n  {{- else }}\n  c\n  {{- end }}\nd', 'a\n  c\nd'],
  ['{{ if .Empty }}a{{ else if eq .Name "svc" }}b{{ else }}c{{ end }}', 'b'],
  ['{{ if .Name }}{{ if .Empty }}a{{ end }}b{{ end }}', 'b'],
  ['{{ if .Empty }}{{ if .Name }}a{{ else }}b{{ end }}{{ end }}c', 'c'],
  ['{{ if and .Name (not .Empty) }}a{{ end }}', 'a'],
  ['{{ if or .Empty (ne .Name "x") }}a{{ end }}', 'a'],
  ['{{ replace "/" "-" .HFModelName | trunc 5 | trimSuffix "-" }}', 'org-m'],
])('%j becomes %j', (template, expected) => {
  expect(fill(template)).toBe(expected);
});

test.each([
  ['{{ .Nme }}', 'line 1, column 4: there is no variable Nme'],
  ['{{ .constructor }}', 'line 1, column 4: there is no variable constructor'],
  ['a:\n  b: {{ env "HOME" }}', 'line 2, column 9: env: templates do not see the environment'],
  ['{{ expandenv "$HOME" }}', 'line 1, column 4: expandenv: templates do not see the environment'],
  [
    '{{ if .Empty }}{{ env "HOME" }}{{ end }}',
    'line 1, column 19: env: templates do not see the environment',
  ],
  ['{{ sha256sum .Name }}', 'line 1, column 4: sha256sum: is not a known function'],
  ['{{ range .Name }}{{ end }}', 'line 1, column 4: range is not supported'],
  ['{{ $x := 1 }}', 'line 1, column 4: "$" is not understood'],
  ['{{ .Name', 'line 1, column 1: {{ is not closed'],
  ['{{ if .Name }}a', 'line 1, column 4: if has no end'],
  ['{{ end }}', 'line 1, column 4: end without if'],
  ['{{ else }}', 'line 1, column 4: else without if'],
  ['{{ if .Name }}{{ else }}{{ else }}{{ end }}', 'line 1, column 28: else without if'],
  ['{{ }}', 'line 1, column 4: something is missing here'],
  ['{{ (print "a" }}', 'line 1, column 4: ( is not closed'],
  ['{{ getPort }}', 'line 1, column 4: getPort has 0 arguments'],
  ['{{ .Name .Name }}', 'line 1, column 4: .Name is not a function'],
  ['{{ "a" | "b" }}', 'line 1, column 10: "b" is not a function'],
])('%j is refused: %s', (template, message) => {
  expect(() => fill(template)).toThrow(TemplateError);
  expect(() => fill(template)).toThrow(message);
});

test('text without actions is left alone', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      fc.pre(!text.includes('{{'));
      expect(fill(text)).toBe(text);
    }),
  );
});

test('whatever is written, it is filled in or refused with a place', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '{{',
      '}}',
      '{{-',
      '-}}',
      ' if ',
      ' else ',
      ' end ',
      '.Name',
      '"',
      '`',
      '(',
      '|',
    ),
    fc.string({ maxLength: 3 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      try {
        fill(pieces.join(''));
      } catch (error) {
        expect(error).toBeInstanceOf(TemplateError);
      }
    }),
  );
});
