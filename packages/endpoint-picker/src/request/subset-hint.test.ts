import { makeEndpoint } from '@llm-d/scheduler-core/testing';
import { expect, test } from 'vitest';
import { eligibilityOf } from './subset-hint.ts';

const at = (address: string, port: number) => ({
  ...makeEndpoint(`${address}-${port}`),
  address,
  port,
  hostPort: address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
});
const fleet = [at('10.0.0.1', 8000), at('10.0.0.1', 8001), at('10.0.0.2', 8000), at('fd00::1', 80)];

test.each<[string, string | string[], string[]]>([
  ['an address and a port', ['10.0.0.1:8001'], ['10.0.0.1:8001']],
  ['an address with all its ports', ['10.0.0.1'], ['10.0.0.1:8000', '10.0.0.1:8001']],
  ['several', ['10.0.0.2', '10.0.0.1:8000'], ['10.0.0.1:8000', '10.0.0.2:8000']],
  ['a comma-separated text', '10.0.0.2:8000, 10.0.0.1:8001', ['10.0.0.1:8001', '10.0.0.2:8000']],
  ['an IPv6 address and a port', ['[fd00::1]:80'], ['[fd00::1]:80']],
  ['an IPv6 address', ['fd00::1'], ['[fd00::1]:80']],
  ['an IPv6 address in brackets', ['[fd00::1]'], ['[fd00::1]:80']],
  ['another port of an address', ['10.0.0.2:9'], []],
  ['nobody that is known', ['10.9.9.9'], []],
  ['nothing, as a list', [], []],
  ['nothing, as a text', '', []],
])('a hint names %s', (_, hint, expected) => {
  const eligible = eligibilityOf(hint);
  expect(fleet.filter(eligible).map(({ hostPort }) => hostPort)).toEqual(expected);
});
