import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readRoutingHeaders } from './routing-headers.ts';
import { parseTarget } from './target.ts';

test.each([
  ['10.0.0.1:8000', '10.0.0.1', '10.0.0.1:8000'],
  [' http://Pod-1.ns.svc:80 ', 'pod-1.ns.svc', 'pod-1.ns.svc:80'],
  ['[FD00::1]:8000', 'fd00::1', '[fd00::1]:8000'],
])('%s is %s', (text, host, hostPort) => {
  expect(parseTarget(text)).toMatchObject({ host, hostPort });
});

test.each([
  '',
  'a',
  'a:',
  ':1',
  'a:b',
  'a:0',
  'a:65536',
  'a:1/x',
  'a:1?x',
  'u@a:1',
  'fd00::1:80',
  '[a]',
  '[x]:1',
  'https://a:1',
  'a b:1',
  'a:1,b:2',
])('%j is none', (text) => {
  expect(parseTarget(text)).toBeUndefined();
});

test('whatever is taken is the authority of a URL, and nothing else of it', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.webAuthority()), (text) => {
      const target = parseTarget(text);
      if (target === undefined) return;
      const url = new URL(`http://${target.hostPort}/x`);
      expect([url.pathname, url.username, url.search, url.hash]).toEqual(['/x', '', '', '']);
      expect(Number(url.port === '' ? 80 : url.port)).toBe(target.port);
    }),
  );
});

test('prefillers come from both headers, in order, each once; what names none is kept apart', () => {
  const raw = [
    ...['X-Prefiller-Host-Port', 'a:1, b:2', 'x-other', 'c:3', 'x-prefiller-host-port', 'a:1,no'],
    ...['x-llm-d-prefiller-host-port', 'd:4', 'x-kv-cache-source-host-port', 'bad'],
  ];
  const read = readRoutingHeaders(raw);
  expect(read.prefillers.map(({ hostPort }) => hostPort)).toEqual(['a:1', 'b:2', 'd:4']);
  expect(read.malformed).toEqual(['no']);
  expect([read.kvCacheSource, read.dataParallel]).toEqual([undefined, undefined]);
});
