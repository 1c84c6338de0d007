import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { createTempDir } from '../../temp-dir.ts';
import { startGuarded } from './guarded-process.ts';

/** Says who it is and stays. */
const sleeper = ['sh', ['-c', 'echo pid $$; exec sleep 600']] as const;

const pidIn = (log: string): number => Number(/pid (\d+)/.exec(log)?.[1] ?? Number.NaN);

/** A program that is gone may stay in the table until somebody has asked how it ended. */
async function isAlive(pid: number): Promise<boolean> {
  const run = promisify(execFile);
  const { stdout } = await run('ps', ['-o', 'stat=', '-p', String(pid)]).catch(() => ({
    stdout: '',
  }));
  return stdout.trim() !== '' && !stdout.startsWith('Z');
}

test('a program ends when it is disposed of', async () => {
  await using folder = await createTempDir();
  const guarded = startGuarded(...sleeper, { logFile: `${folder.path}/log` });
  await expect.poll(async () => pidIn(await guarded.log())).toBeGreaterThan(0);
  const pid = pidIn(await guarded.log());
  expect([guarded.ended, await isAlive(pid)]).toEqual([false, true]);
  await guarded[Symbol.asyncDispose]();
  expect([guarded.ended, await isAlive(pid)]).toEqual([true, false]);
});

test('a program that ends by itself is seen to have ended', async () => {
  await using folder = await createTempDir();
  const options = { logFile: `${folder.path}/log` };
  await using guarded = startGuarded('sh', ['-c', 'echo why; exit 3'], options);
  await expect.poll(() => guarded.ended).toBe(true);
  expect(await guarded.log()).toBe('why\n');
});

test('what a program has started ends with it, and when it ends by itself', async () => {
  await using folder = await createTempDir();
  const options = { logFile: `${folder.path}/log`, wholeGroup: true };
  for (const rest of ['wait', 'exit 3']) {
    const guarded = startGuarded('sh', ['-c', `sleep 600 & echo pid $!; ${rest}`], options);
    await expect.poll(async () => pidIn(await guarded.log())).toBeGreaterThan(0);
    if (rest === 'wait') await guarded[Symbol.asyncDispose]();
    await guarded.exited;
    expect(await isAlive(pidIn(await guarded.log()))).toBe(false);
  }
}, 30_000);

test('a program does not outlive the process that started it', async () => {
  await using folder = await createTempDir();
  const module = new URL('./guarded-process.ts', import.meta.url).href;
  const script = `
    import { startGuarded } from ${JSON.stringify(module)};
    const guarded = startGuarded(...${JSON.stringify(sleeper)}, { logFile: ${JSON.stringify(`${folder.path}/log`)} });
    setInterval(async () => console.log(await guarded.log()), 20);
  `;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script]);
  let said = '';
  parent.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  await expect.poll(() => pidIn(said), { timeout: 20_000 }).toBeGreaterThan(0);
  expect(await isAlive(pidIn(said))).toBe(true);
  parent.kill('SIGKILL');
  await once(parent, 'close');
  await expect.poll(() => isAlive(pidIn(said)), { timeout: 20_000 }).toBe(false);
}, 60_000);
