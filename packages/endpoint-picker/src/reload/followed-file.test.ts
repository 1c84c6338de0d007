import { systemClock, VirtualClock } from '@llm-d/determinism';
import { recordingLogger } from '@llm-d/telemetry/testing';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { memoryFiles, pass } from './files.testing.ts';
import { followFile, type FileReading } from './followed-file.ts';

const shown = (reading: FileReading): string =>
  reading.kind === 'text' ? reading.text : `! ${reading.message}`;

const setUp = () => {
  const clock = new VirtualClock();
  const files = memoryFiles({ f: 'one' });
  const told: string[] = [];
  let busy: Promise<void> | undefined;
  const following = followFile({
    path: 'f',
    text: 'one',
    clock,
    files,
    onChange: (reading) => {
      told.push(shown(reading));
      return busy ?? Promise.resolve();
    },
  });
  const hold = () => {
    let release = (): void => undefined;
    busy = new Promise((resolve) => {
      release = () => {
        busy = undefined;
        resolve();
      };
    });
    return release;
  };
  return { clock, files, told, following, hold };
};

describe('a followed file', () => {
  test('is told when it holds something else', async () => {
    const { clock, files, told } = setUp();
    files.write('f', 'two');
    await pass(clock, 200);
    files.write('f', 'three');
    await pass(clock, 200);
    expect(told).toEqual(['two', 'three']);
  });

  test('says nothing where only its time changes', async () => {
    const { clock, files, told } = setUp();
    files.write('f', 'one');
    await pass(clock, 200);
    expect(told).toEqual([]);
  });

  test('counts only once it has settled: what is half written is nothing', async () => {
    const { clock, files, told } = setUp();
    files.write('f', '');
    await pass(clock, 60);
    files.write('f', 'tw');
    await pass(clock, 40);
    files.write('f', 'two');
    await pass(clock, 200);
    expect(told).toEqual(['two']);
  });

  test('says nothing where it is as before by the time it has settled', async () => {
    const { clock, files, told } = setUp();
    files.write('f', 'two');
    await pass(clock, 60);
    files.write('f', 'one');
    await pass(clock, 300);
    expect(told).toEqual([]);
  });

  test('is missed once while it is away, and told when it is back', async () => {
    const { clock, files, told } = setUp();
    files.write('f', undefined);
    await pass(clock, 30_000, 500);
    files.write('f', 'one');
    await pass(clock, 200);
    expect(told).toEqual(["! ENOENT: no such file, open 'f'", 'one']);
  });

  test('is read now and then though nobody says that it changed', async () => {
    const { clock, files, told } = setUp();
    await pass(clock, 200);
    files.write('f', 'two', { silently: true });
    await pass(clock, 9000, 500);
    expect(told).toEqual([]);
    await pass(clock, 1500);
    expect(told).toEqual(['two']);
  });

  test('is read once, however often it is touched', async () => {
    const { clock, files } = setUp();
    await pass(clock, 100);
    const before = files.reads;
    for (let i = 0; i < 1000; i++) files.write('f', 'one');
    await pass(clock, 1000);
    expect(files.reads - before).toBe(1);
  });

  test('is told of one change after the other, and of the last one in any case', async () => {
    const { clock, files, told, hold } = setUp();
    const release = hold();
    files.write('f', 'two');
    await pass(clock, 200);
    files.write('f', 'three');
    await pass(clock, 200);
    files.write('f', 'four');
    await pass(clock, 200);
    expect(told).toEqual(['two']);
    release();
    await pass(clock, 200);
    expect(told).toEqual(['two', 'four']);
  });

  test('is left alone when it is no longer followed', async () => {
    const { clock, files, told, following } = setUp();
    files.write('f', 'two');
    following.stop();
    await pass(clock, 20_000, 1000);
    expect([told, files.watched, clock.pendingTimers, files.reads]).toEqual([[], [], 0, 0]);
  });

  test('is read now and then where it cannot be watched', async () => {
    const clock = new VirtualClock();
    const files = memoryFiles({ f: 'one' });
    const logger = recordingLogger();
    const told: string[] = [];
    const watch = () => {
      throw new Error('EMFILE');
    };
    followFile({
      path: 'f',
      text: 'one',
      clock,
      files: { ...files, watch },
      logger,
      onChange: (reading) => {
        told.push(shown(reading));
        return Promise.resolve();
      },
    });
    files.write('f', 'two');
    await pass(clock, 11_000, 500);
    expect(told).toEqual(['two']);
    expect(logger.lines).toMatchObject([{ level: 'warn', fields: { path: 'f' } }]);
  });

  test.each([
    ['rewritten', (dir: string) => writeFile(join(dir, 'config.yaml'), 'two')],
    [
      'replaced by a rename',
      async (dir: string) => {
        await writeFile(join(dir, 'next'), 'two');
        await rename(join(dir, 'next'), join(dir, 'config.yaml'));
      },
    ],
    [
      'switched with the link that its folder is, as Kubernetes mounts ConfigMaps',
      async (dir: string) => {
        await mkdir(join(dir, '..second'));
        await writeFile(join(dir, '..second', 'config.yaml'), 'two');
        await symlink('..second', join(dir, '..data_tmp'));
        await rename(join(dir, '..data_tmp'), join(dir, '..data'));
      },
    ],
    [
      'deleted and put back',
      async (dir: string) => {
        await rm(join(dir, 'config.yaml'));
        await writeFile(join(dir, 'config.yaml'), 'two');
      },
    ],
  ])('of the real file system is told when it is %s', async (_, change) => {
    const dir = await mkdtemp(join(tmpdir(), 'followed-'));
    await mkdir(join(dir, '..first'));
    await writeFile(join(dir, '..first', 'config.yaml'), 'one');
    await symlink('..first', join(dir, '..data'));
    await symlink(join('..data', 'config.yaml'), join(dir, 'config.yaml'));
    const told: string[] = [];
    const following = followFile({
      path: join(dir, 'config.yaml'),
      text: 'one',
      clock: systemClock,
      onChange: (reading) => {
        told.push(shown(reading));
        return Promise.resolve();
      },
    });
    await change(dir);
    await vi.waitFor(() => {
      expect(told.at(-1)).toBe('two');
    }, 8000);
    following.stop();
    await rm(dir, { recursive: true });
  });
});
