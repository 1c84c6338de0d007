import { VirtualClock } from '@llm-d/determinism';
import { createFleet } from '@llm-d/endpoint-picker';
import { noopLogger } from '@llm-d/telemetry';
import { describe, expect, test } from 'vitest';
import { endpointOfUrl } from '../options.ts';
import { startModelCatalog } from './model-catalog.ts';

const listOf = (...ids: string[]) => ({ object: 'list', data: ids.map((id) => ({ id })) });
const idOf = (name: string) => endpointOfUrl(`http://${name}:1`).id;

/** A catalog of servers by name, each answering with what `answers` holds for it; none means it does not answer. */
async function setUp(answers: Record<string, unknown>) {
  const clock = new VirtualClock();
  const fleet = createFleet();
  let asked = 0;
  const catalog = startModelCatalog({
    ...{ fleet, clock, logger: noopLogger },
    fetchModels: async ({ address }, signal) => {
      asked++;
      if (address in answers) return answers[address];
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          reject(new Error('too late'));
        });
      });
    },
  });
  const settle = () => new Promise(setImmediate);
  const join = async (...names: string[]) => {
    fleet.reconcile(names.map((name) => endpointOfUrl(`http://${name}:1`)));
    await settle();
  };
  const merged = () => catalog.merged().data.map(({ id }) => id);
  await join(...Object.keys(answers));
  return { clock, fleet, catalog, answers, settle, join, merged, asked: () => asked };
}

describe('a model catalog', () => {
  test('asks servers as they come and merges what they say', async () => {
    const { merged, catalog } = await setUp({ a: listOf('base', 'one'), b: listOf('base', 'two') });
    expect(merged()).toEqual(['base', 'one', 'two']);
    expect(catalog.known).toBe(true);
  });

  test('knows who does not serve a model', async () => {
    const { catalog } = await setUp({ a: listOf('base', 'one'), b: listOf('base') });
    expect(catalog.notServing('base')).toEqual(new Set());
    expect(catalog.notServing('one')).toEqual(new Set([idOf('b')]));
    expect(catalog.notServing('none')).toBeUndefined();
  });

  test('takes a server that has not told yet to serve everything', async () => {
    const { catalog, join } = await setUp({ a: listOf('base') });
    await join('a', 'silent');
    expect(catalog.notServing('other')).toEqual(new Set([idOf('a')]));
    await join('silent');
    expect([catalog.known, catalog.notServing('other')]).toEqual([false, new Set()]);
  });

  test('forgets what a server said that left', async () => {
    const { catalog, join, merged } = await setUp({ a: listOf('base'), b: listOf('two') });
    expect(catalog.notServing('two')).toEqual(new Set([idOf('a')]));
    await join('a');
    expect(merged()).toEqual(['base']);
    expect(catalog.notServing('two')).toBeUndefined();
  });

  test('looks again and again, and at once when told to, but not more than once a second', async () => {
    const { catalog, answers, clock, settle, asked } = await setUp({ a: listOf('base') });
    expect(catalog.notServing('new')).toBeUndefined();
    answers.a = listOf('base', 'new');
    clock.advance(5000);
    await settle();
    expect(catalog.notServing('new')).toEqual(new Set());

    answers.a = listOf('base', 'newer');
    await catalog.refresh();
    expect(catalog.notServing('newer')).toEqual(new Set());
    const before = asked();
    await catalog.refresh();
    expect(asked()).toBe(before);
    clock.advance(1000);
    await catalog.refresh();
    expect(asked()).toBe(before + 1);
  });

  test('keeps what it knows of a server whose answer makes no sense', async () => {
    const { catalog, answers, merged, clock } = await setUp({ a: listOf('base') });
    answers.a = { data: 'nonsense' };
    clock.advance(1000);
    await catalog.refresh();
    expect(merged()).toEqual(['base']);
  });

  test('does not list what only an ejected server has', async () => {
    const { fleet, merged } = await setUp({ a: listOf('base'), b: listOf('two') });
    fleet.eject(idOf('b'), { untilMs: 1000, reason: 'x' });
    expect(merged()).toEqual(['base']);
  });

  test('does not wait for a silent server for ever, and leaves no timer when it stops', async () => {
    const { catalog, clock, join } = await setUp({});
    await join('silent');
    clock.advance(1000);
    const refreshing = catalog.refresh();
    clock.advance(2000);
    await refreshing;
    catalog.stop();
    await new Promise(setImmediate);
    expect(clock.pendingTimers).toBe(0);
  });

  test('does not remember every name that clients make up', async () => {
    const { catalog, answers, clock } = await setUp({ a: listOf('base') });
    for (let i = 0; i < 2000; i++) expect(catalog.notServing(`made-up-${i}`)).toBeUndefined();
    answers.a = listOf('base', 'made-up-1999');
    clock.advance(1000);
    await catalog.refresh();
    expect(catalog.notServing('made-up-1999')).toEqual(new Set());
  });
});
