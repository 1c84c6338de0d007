import { VirtualClock, systemClock } from '@llm-d/determinism';
import { recordingLogger } from '@llm-d/telemetry/testing';
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { createFleet } from '../fleet/fleet.ts';
import { EndpointsFileError } from './endpoints-file.ts';
import { startFileDiscovery, type WatchedFiles } from './file-discovery.ts';

const listing = (...names: string[]) =>
  `endpoints:\n${names.map((name, i) => `- {name: ${name}, address: 127.0.0.1, port: ${9000 + i}}\n`).join('')}`;

const setUp = async (first: string) => {
  const clock = new VirtualClock();
  const fleet = createFleet();
  const logger = recordingLogger();
  let text = first;
  let changed: (() => void) | undefined;
  const files: WatchedFiles = {
    read: () => Promise.resolve(text),
    watch: (_, callback) => {
      changed = callback;
      return () => (changed = undefined);
    },
  };
  const discovery = await startFileDiscovery({ fleet, path: 'fleet.yaml', clock, files, logger });
  const names = () => fleet.snapshot().map(({ name }) => name);
  const write = async (next: string) => {
    text = next;
    changed?.();
    changed?.();
    clock.advance(1000);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, logger, discovery, names, write, watched: () => changed !== undefined };
};

describe('file discovery', () => {
  test('fills the fleet and follows the file', async () => {
    const { names, write, discovery, watched, clock } = await setUp(listing('a', 'b'));
    expect(names()).toEqual(['a', 'b']);
    await write(listing('b', 'c'));
    expect(names()).toEqual(['c', 'b'].sort());
    discovery.stop();
    expect([watched(), clock.pendingTimers]).toEqual([false, 0]);
  });

  test('keeps the fleet when the file becomes unreadable, and says so', async () => {
    const { names, write, logger } = await setUp(listing('a'));
    await write('endpoints: 3');
    expect(names()).toEqual(['a']);
    expect(logger.lines).toMatchObject([
      { level: 'error', message: 'endpoints file not taken over', fields: { path: 'fleet.yaml' } },
    ]);
  });

  test('reports entries that it leaves out', async () => {
    const { names, logger } = await setUp('endpoints: [{name: a, address: nowhere, port: 1}]');
    expect(names()).toEqual([]);
    expect(logger.lines).toMatchObject([
      { level: 'warn', fields: { problem: 'endpoints[0].address: expected an IP address' } },
    ]);
  });

  test('does not start without its file', async () => {
    const started = startFileDiscovery({
      fleet: createFleet(),
      path: '/no/such/fleet.yaml',
      clock: new VirtualClock(),
    });
    await expect(started).rejects.toThrow(EndpointsFileError);
    await expect(started).rejects.toThrow(/\/no\/such\/fleet\.yaml: cannot be read/);
  });

  test.each([
    [
      'rewritten',
      async (dir: string) => {
        await writeFile(join(dir, 'fleet.yaml'), listing('b'));
      },
    ],
    [
      'replaced by a rename',
      async (dir: string) => {
        await writeFile(join(dir, 'next'), listing('b'));
        await rename(join(dir, 'next'), join(dir, 'fleet.yaml'));
      },
    ],
    [
      'behind a link that is switched',
      async (dir: string) => {
        await writeFile(join(dir, 'data'), listing('b'));
        await symlink(join(dir, 'data'), join(dir, 'link'));
        await rename(join(dir, 'link'), join(dir, 'fleet.yaml'));
      },
    ],
  ])('a real file is followed when it is %s', async (_, change) => {
    const dir = await mkdtemp(join(tmpdir(), 'discovery-'));
    await writeFile(join(dir, 'fleet.yaml'), listing('a'));
    const fleet = createFleet();
    const discovery = await startFileDiscovery({
      fleet,
      path: join(dir, 'fleet.yaml'),
      clock: systemClock,
    });
    await change(dir);
    await vi.waitFor(() => {
      expect(fleet.snapshot().map(({ name }) => name)).toEqual(['b']);
    }, 5000);
    discovery.stop();
    await rm(dir, { recursive: true });
  });
});
