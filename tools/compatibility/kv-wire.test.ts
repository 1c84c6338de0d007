import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { kvWire } from './kv-wire.ts';

const root = resolve(import.meta.dirname, '../..');

test.each(kvWire.flatMap(({ what, tests }) => tests.map((held) => ({ what, ...held }))))(
  '$what is held by “$name”',
  ({ file, name }) => {
    const text = readFileSync(resolve(root, file), 'utf8');
    expect(text).toContain(name);
  },
);
