import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);

// V8's flags hold for a whole process, so each case has one of its own.
const youngBytesAfterLoad = async (prepare: string): Promise<number> => {
  const program = `
    const { keepHeapLean } = await import(${JSON.stringify(fileURLToPath(new URL('lean-heap.ts', import.meta.url)))});
    const { getHeapSpaceStatistics } = await import('node:v8');
    ${prepare}
    let most = 0;
    let kept = [];
    for (let turn = 0; turn < 60; turn++) {
      for (let i = 0; i < 50_000; i++) kept.push({ turn, i, text: 'x' + i });
      if (turn % 4 === 3) kept = [];
      await new Promise(setImmediate);
      const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
      most = Math.max(most, young.space_size);
    }
    console.log(most);
  `;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program]);
  return Number(stdout);
};

const MIB = 1024 * 1024;

test('the young part of the heap stays small under load, where it would grow', async () => {
  expect(await youngBytesAfterLoad('keepHeapLean();')).toBeLessThanOrEqual(32 * MIB);
  expect(await youngBytesAfterLoad('')).toBeGreaterThan(32 * MIB);
});
