import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { engineMappings, type EngineMapping } from './engine-mapping.ts';
import { createExpositionScope } from './exposition-scope.ts';

// The table of mappings has it.
const vllm = engineMappings['vllm'] as EngineMapping;
const whole = readFileSync(new URL('testdata/vllm-0.32-under-load.txt', import.meta.url));
/** What Prometheus' client leaves of an exposition that is asked for by name. */
const narrowed = (query: string): Buffer => {
  const names = [...query.matchAll(/name\[\]=([^&]+)/g)].map(([, name = '']) =>
    decodeURIComponent(name),
  );
  const lines = whole.toString().split('\n');
  const kept = lines.filter((line) =>
    names.some((name) => new RegExp(`^(# (HELP|TYPE) )?${name}[ {]`).test(line)),
  );
  return Buffer.from(`${kept.join('\n')}\n`);
};

describe('the first scrape', () => {
  test('asks for everything', () => {
    expect(createExpositionScope(vllm).query).toBe('');
  });

  test('asks for everything again while the engine shows nothing of what is read', () => {
    const scope = createExpositionScope(vllm);
    expect(scope.accepts(Buffer.from('# starting\n'))).toBe(true);
    expect(scope.query).toBe('');
  });
});

describe('later scrapes', () => {
  const begun = () => {
    const scope = createExpositionScope(vllm);
    scope.accepts(whole);
    return scope;
  };

  test('ask by name and stay narrow where the server honours it', () => {
    const scope = begun();
    const { query } = scope;
    expect(query).toContain('name[]=vllm%3Anum_requests_running');
    const text = narrowed(query);
    expect(text.length).toBeLessThan(4000);
    expect(scope.accepts(text)).toBe(true);
    expect(scope.query).toBe(query);
  });

  test.each([
    ['nothing, as a multiprocess registry does', Buffer.alloc(0)],
    ['another metric only', Buffer.from('vllm:num_requests_running_total{x="1"} 3\n')],
  ])('are made again whole, and stay whole, where the server answers with %s', (_, text) => {
    const scope = begun();
    expect(scope.accepts(text)).toBe(false);
    expect(scope.query).toBe('');
    expect(scope.accepts(whole)).toBe(true);
    expect(scope.query).toBe('');
  });

  test('go back to the whole where the server ignores the names', () => {
    const scope = begun();
    expect(scope.accepts(whole)).toBe(true);
    expect(scope.query).toBe('');
  });

  test('go back to the whole where the server refuses the query', () => {
    const scope = begun();
    expect(scope.refused()).toBe(true);
    expect(scope.query).toBe('');
    expect(scope.refused()).toBe(false);
  });
});
