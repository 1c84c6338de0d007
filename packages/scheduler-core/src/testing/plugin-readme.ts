// SPDX-License-Identifier: Apache-2.0
import type { ParameterDescription } from '../describe-plugins.ts';

const code = (text: string): string => `\`${text}\``;

/** The row `name | type | default | description` that a plugin's README must have for a parameter. */
export function parameterRow({
  name,
  type,
  required,
  description,
  ...rest
}: ParameterDescription): string {
  const value =
    'default' in rest ? code(JSON.stringify(rest.default)) : required ? 'required' : '–';
  return [code(name), type.replaceAll('|', '\\|'), value, description].join(' | ');
}

/** The parameter rows that a README has, without the padding that a formatter adds. */
export function parameterRowsOf(readme: string): string[] {
  return readme
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .slice(1, -1)
        .trim()
        .replace(/\s+\|\s+/g, ' | '),
    );
}

/** The first YAML example of a README as a whole EndpointPickerConfig. */
export function exampleConfigOf(readme: string): string {
  const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(readme) ?? [];
  return `apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n${example}`;
}
