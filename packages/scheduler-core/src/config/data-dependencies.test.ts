import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { attribute } from '../attribute.ts';
import { definePlugin, type AnyPluginDefinition } from '../plugin-definition.ts';
import { standInRegistry } from '../testing/stand-in-plugins.ts';
import { resolveConfig } from './resolve-config.ts';

interface Reads {
  reads: string[];
  mayRead: string[];
  refersTo: string[];
}

/** A producer of one attribute that reads those of others. */
const producer = (type: string, parts: Partial<AnyPluginDefinition> = {}): AnyPluginDefinition =>
  definePlugin<Reads>({
    type,
    summary: 'A producer.',
    stability: 'beta',
    points: ['data-producer'],
    parameters: z.strictObject({
      reads: z.array(z.string()).default([]),
      mayRead: z.array(z.string()).default([]),
      refersTo: z.array(z.string()).default([]),
    }),
    consumes: ({ reads }) => reads.map((name) => attribute('Fact', name)),
    mayConsume: ({ mayRead }) => mayRead.map((name) => attribute('Fact', name)),
    produces: (_parameters, name) => [attribute('Fact', name)],
    references: ({ refersTo }) => refersTo.map((name) => ({ name })),
    create: () => ({ producer: { produce: () => undefined } }),
    ...parts,
  });

const registry = standInRegistry([
  producer('fact-producer'),
  producer('spare-producer', { isDefaultProducer: true }),
  producer('substitute-producer', { produces: () => [attribute('Fact', 'spare-producer')] }),
]);
const resolve = (plugins: readonly unknown[]) =>
  resolveConfig(
    { apiVersion: 'llm-d.ai/v1alpha1', kind: 'EndpointPickerConfig', plugins },
    { registry },
  );
const fact = (name: string, parameters: Record<string, unknown> = {}) => ({
  type: 'fact-producer',
  name,
  parameters,
});

describe('data producers', () => {
  test('run after what they read, whatever their order in the file', () => {
    const plugins = [fact('a', { reads: ['b', 'c'] }), fact('b', { reads: ['c'] }), fact('c')];
    expect(resolve(plugins).producers).toEqual(['c', 'b', 'a']);
  });

  test('are created where they are missing and there is a default, and only then', () => {
    const { plugins, producers } = resolve([fact('a', { reads: ['spare-producer'] })]);
    expect(producers).toEqual(['spare-producer', 'a']);
    expect(plugins.at(-1)).toMatchObject({
      name: 'spare-producer',
      origin: 'auto-created producer',
    });
    expect(() => resolve([fact('a', { reads: ['fact-producer'] })])).toThrow(
      'plugins[0]: "a" reads Fact of "fact-producer", which is not configured',
    );
  });

  test('may produce in place of one of another name, which is not created then', () => {
    const plugins = [
      { type: 'substitute-producer', name: 's' },
      fact('a', { reads: ['spare-producer'], mayRead: ['spare-producer'] }),
    ];
    const { producers, warnings } = resolve(plugins);
    expect([producers, warnings]).toEqual([['s', 'a'], []]);
  });

  test('that wait for each other are refused', () => {
    const plugins = [fact('a', { reads: ['b'] }), fact('b', { reads: ['a'] })];
    expect(() => resolve(plugins)).toThrow('data producers wait for each other: a reads b reads a');
  });

  test('must produce what is read of them', () => {
    expect(() =>
      resolve([{ type: 'token-producer' }, fact('a', { reads: ['token-producer'] })]),
    ).toThrow('"a" reads Fact of "token-producer" (token-producer), which does not produce it');
  });
});

describe('what a plugin can do without', () => {
  test('is produced before it where there is a producer, or a default one', () => {
    const { producers, warnings } = resolve([
      fact('a', { mayRead: ['b', 'spare-producer'] }),
      fact('b'),
    ]);
    expect(producers).toEqual(['b', 'spare-producer', 'a']);
    expect(warnings).toEqual([]);
  });

  test('is warned of where nobody produces it', () => {
    expect(resolve([fact('a', { mayRead: ['nobody'] })]).warnings).toEqual([
      { path: 'plugins[0]', message: '"a" goes without Fact of "nobody", which is not configured' },
    ]);
  });

  test('must still be what its producer produces', () => {
    expect(() =>
      resolve([{ type: 'token-producer' }, fact('a', { mayRead: ['token-producer'] })]),
    ).toThrow('"a" reads Fact of "token-producer" (token-producer), which does not produce it');
  });
});

describe('plugins that refer to others', () => {
  test('are refused where the other one does not exist', () => {
    expect(() => resolve([fact('a', { refersTo: ['b'] })])).toThrow(
      'plugins[0].parameters: no plugin is called "b"',
    );
  });

  test('are refused in a circle', () => {
    const plugins = [fact('a', { refersTo: ['b'] }), fact('b', { refersTo: ['a'] })];
    expect(() => resolve(plugins)).toThrow(
      'plugins refer to each other: a refers to b refers to a',
    );
  });
});
