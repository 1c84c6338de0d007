import { systemClock } from '@llm-d/determinism';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { acceptsConnections } from './accepts-connections.ts';
import { commandSubject } from './command-subject.ts';
import { setups } from './setup.ts';
import type { RunningSubject } from './subject.ts';

// The machine may be busy with something else.
vi.setConfig({ testTimeout: 60_000 });

const node = JSON.stringify(process.execPath);
/** A program that listens, and says what it was told as its exit code and words. */
const listener = (script = '') =>
  `${node} -e ${JSON.stringify(`require('net').createServer().listen(process.argv[1]);${script}`)} {GRPC}`;

const options = { clock: systemClock, startMs: 20_000 };

async function started(command: string): Promise<RunningSubject> {
  const subject = await commandSubject(command, options).start(setups.default);
  if (subject.kind !== 'running') throw new Error(subject.reason);
  return subject;
}

describe('an endpoint picker that is started by a command', () => {
  test('serves on the port that it was given, until the end', async () => {
    const subject = await started(`${listener()} {CONFIG}`);
    expect(await acceptsConnections(subject.grpc)).toBe(true);
    expect([subject.health, subject.metricsUrl]).toEqual([undefined, undefined]);
    expect(subject.fleet.endpoints).toHaveLength(3);
    await subject[Symbol.asyncDispose]();
    expect(await acceptsConnections(subject.grpc)).toBe(false);
  });

  test('is told its ports and files, and variables as in a shell', async () => {
    const script =
      "process.on('SIGTERM',()=>{console.log(process.env.A,process.argv.slice(2).join());process.exit(3)});";
    const subject = await started(
      `A='b c' ${listener(script)} {HEALTH} {METRICS} {CONFIG} {ENDPOINTS}`,
    );
    subject.process?.terminate();
    expect(await subject.process?.exit(20_000)).toBe(3);
    const { health, metricsUrl } = subject;
    const urlPort = new URL(metricsUrl ?? '').port;
    expect(subject.process?.ended).toMatch(
      new RegExp(
        `it ended with code 3; it said last: b c ${String(health?.port)},${urlPort},.*config.yaml,.*endpoints.json`,
      ),
    );
    await subject[Symbol.asyncDispose]();
  });

  test('that ends instead of serving is an error with its last words', async () => {
    const starting = started(
      `${node} -e "console.error('no such flag');process.exit(2)" {GRPC} {CONFIG}`,
    );
    await expect(starting).rejects.toMatchObject({
      code: 'SUBJECT_START',
      message: expect.stringContaining(
        'it ended with code 2; it said last: no such flag',
      ) as string,
    });
  });

  test('that does not listen is an error, and is ended', async () => {
    const idle = commandSubject(`${node} -e "setInterval(()=>0,1000)" {GRPC} {CONFIG}`, {
      clock: systemClock,
      startMs: 100,
    });
    await expect(idle.start(setups.default)).rejects.toThrow(
      /nobody listens on port \d+ after 100 ms/,
    );
  });

  test('is started again on other ports where somebody took one meanwhile', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'conformance-'));
    const flag = JSON.stringify(join(folder.path, 'flag'));
    // Fails the first time, and then finds its own mark.
    const script = `const fs=require("fs");if(!fs.existsSync(${flag})){fs.writeFileSync(${flag},"");throw new Error("listen EADDRINUSE")};require("net").createServer().listen(process.argv[1])`;
    const subject = await started(`${node} -e '${script}' {GRPC} {CONFIG}`);
    expect(await acceptsConnections(subject.grpc)).toBe(true);
    await subject[Symbol.asyncDispose]();
  });

  test('must be told where to serve', () => {
    expect(() => commandSubject('epp', options)).toThrow('the command has no {GRPC}');
  });

  test.each([
    ['{GRPC}', 'default', 'the command takes neither {CONFIG} nor {ENDPOINTS}'],
    ['{GRPC} {ENDPOINTS}', 'lora', 'the command takes no {CONFIG}'],
  ] as const)('with %s cannot be had in the setup %s', async (command, setup, reason) => {
    const subject = await commandSubject(command, options).start(setups[setup]);
    expect(subject).toEqual({ kind: 'unavailable', reason });
  });
});
