import { systemClock, VirtualClock } from '@llm-d/determinism';
import { noopTelemetry } from '@llm-d/telemetry';
import { recordingLogger } from '@llm-d/telemetry/testing';
import { describe, expect, test } from 'vitest';
import { tinyModel } from '../fixtures.testing.ts';
import { createTokenizerPool, type TokenizerPoolOptions } from './tokenizer-pool.ts';
import type { WorkerHandle, WorkerListener } from './worker-handle.ts';
import type { WorkerCall, WorkerReport } from './worker-messages.ts';

const cache = { bytes: 0, entries: 0, hitTokens: 0, missTokens: 0 };
const body = (text: string) => [Buffer.from(text)];
const call = { api: 'completions', body: body('{}') } as const;

/** A worker that does nothing but what a test says. */
class FakeWorker implements WorkerHandle {
  readonly calls: WorkerCall[] = [];
  terminated = 0;
  readonly listener: WorkerListener;

  constructor(listener: WorkerListener) {
    this.listener = listener;
  }

  post(call: WorkerCall): void {
    this.calls.push(call);
  }

  terminate(): Promise<void> {
    this.terminated++;
    this.listener.ended(undefined);
    return Promise.resolve();
  }

  report(report: WorkerReport): void {
    this.listener.report(report);
  }

  becomeReady(): void {
    this.report({ kind: 'ready', contentFormat: 'string' });
  }

  answer(ids = [1]): void {
    const { id } = this.calls.at(-1) ?? { id: 0 };
    this.report({ kind: 'tokens', id, ids: Uint32Array.from(ids), promptStarts: [], cache });
  }
}

function fakePool(options: Partial<TokenizerPoolOptions> = {}) {
  const clock = new VirtualClock({ epochMs: 5000 });
  const logger = recordingLogger();
  const workers: FakeWorker[] = [];
  const pool = createTokenizerPool({
    directory: '/model',
    clock,
    telemetry: { logger },
    timeoutMs: 1000,
    startWorker: (_settings, listener) => {
      const worker = new FakeWorker(listener);
      workers.push(worker);
      return worker;
    },
    ...options,
  });
  const latest = () => {
    const worker = workers.at(-1);
    if (worker === undefined) throw new Error('no worker was started');
    return worker;
  };
  return { pool, clock, workers, latest, lines: logger.lines };
}

describe('calls', () => {
  test('wait while the tokenizer loads, then go to the worker one after the other', async () => {
    const { pool, latest } = fakePool();
    const first = pool.tokenize({ api: 'completions', body: [...body('{"a"'), ...body(':1}')] });
    const second = pool.tokenize(call);
    expect(pool.state).toMatchObject({ queued: 2, workers: [{ status: 'starting' }] });

    latest().becomeReady();
    expect(latest().calls).toHaveLength(1);
    expect(latest().calls[0]).toMatchObject({ api: 'completions', epochMs: 5000 });
    expect(Buffer.from(latest().calls[0]?.body ?? []).toString()).toBe('{"a":1}');
    latest().answer([1, 2]);
    expect([...(await first).ids]).toEqual([1, 2]);

    latest().answer([3]);
    expect([...(await second).ids]).toEqual([3]);
    expect(pool.state).toMatchObject({ queued: 0, workers: [{ status: 'idle', cache }] });
  });

  test('are shared by the workers that are free', () => {
    const { pool, workers } = fakePool({ workers: 2 });
    for (const worker of workers) worker.becomeReady();
    void pool.tokenize(call).catch(() => undefined);
    void pool.tokenize(call).catch(() => undefined);
    expect(workers.map(({ calls }) => calls.length)).toEqual([1, 1]);
    return pool.close();
  });

  test('that a worker refuses fail with its reason', async () => {
    const { pool, latest } = fakePool();
    latest().becomeReady();
    const answer = pool.tokenize(call);
    latest().report({ kind: 'refused', id: 1, code: 'PROMPT_UNSUPPORTED', message: 'a picture' });
    await expect(answer).rejects.toMatchObject({
      code: 'PROMPT_UNSUPPORTED',
      message: 'a picture',
    });
  });

  test('beyond the length of the queue are refused at once', async () => {
    const { pool } = fakePool({ maxQueue: 1 });
    const waiting = pool.tokenize(call);
    await expect(pool.tokenize(call)).rejects.toMatchObject({ code: 'TOKENIZER_BUSY' });
    await pool.close();
    await expect(waiting).rejects.toMatchObject({ code: 'TOKENIZER_CLOSED' });
  });

  test('have a time limit, waiting included, after which their tokens are of no use', async () => {
    const { pool, clock, latest } = fakePool();
    latest().becomeReady();
    const running = pool.tokenize(call);
    const waiting = pool.tokenize(call);
    clock.advance(1000);
    await expect(running).rejects.toMatchObject({ code: 'TOKENIZER_TIMEOUT' });
    await expect(waiting).rejects.toMatchObject({ code: 'TOKENIZER_TIMEOUT' });

    const next = pool.tokenize(call);
    expect(latest().calls).toHaveLength(1);
    latest().answer([1]);
    latest().answer([9]);
    expect([...(await next).ids]).toEqual([9]);
    expect(clock.pendingTimers).toBe(0);
  });

  test('end when nobody waits any more', async () => {
    const { pool, latest } = fakePool();
    const [gone, going] = [AbortSignal.abort(), new AbortController()];
    await expect(pool.tokenize({ ...call, signal: gone })).rejects.toMatchObject({
      code: 'TOKENIZER_ABORTED',
    });
    const waiting = pool.tokenize({ ...call, signal: going.signal });
    going.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'TOKENIZER_ABORTED' });
    latest().becomeReady();
    expect(latest().calls).toEqual([]);
  });
});

describe('a worker', () => {
  test('that ends loses its call and is replaced', async () => {
    const { pool, clock, workers, latest, lines } = fakePool();
    latest().becomeReady();
    const lost = pool.tokenize(call);
    latest().listener.ended(new Error('out of memory'));
    await expect(lost).rejects.toMatchObject({ code: 'TOKENIZER_CRASHED' });
    await expect(pool.tokenize(call)).rejects.toMatchObject({ code: 'TOKENIZER_CRASHED' });
    expect(pool.state).toMatchObject({ workers: [{ status: 'down', crashes: 1 }] });
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(1);

    clock.advance(100);
    expect(workers).toHaveLength(2);
    latest().becomeReady();
    const found = pool.tokenize(call);
    latest().answer([4]);
    expect([...(await found).ids]).toEqual([4]);
    expect(pool.state).not.toHaveProperty('problem');
  });

  test('leaves the calls that wait to others', async () => {
    const { pool, workers } = fakePool({ workers: 2 });
    workers[0]?.becomeReady();
    workers[1]?.becomeReady();
    const calls = [1, 2, 3].map(() => pool.tokenize(call));
    workers[0]?.listener.ended(undefined);
    await expect(calls[0]).rejects.toMatchObject({ code: 'TOKENIZER_CRASHED' });
    workers[1]?.answer([2]);
    workers[1]?.answer([3]);
    expect([...((await calls[2])?.ids ?? [])]).toEqual([3]);
  });

  test('that is stuck is ended and replaced', async () => {
    const { pool, clock, workers, latest, lines } = fakePool();
    latest().becomeReady();
    const stuck = pool.tokenize(call);
    clock.advance(1000);
    await expect(stuck).rejects.toMatchObject({ code: 'TOKENIZER_TIMEOUT' });
    clock.advance(9000);
    expect(workers[0]?.terminated).toBe(1);
    expect(lines.map(({ message }) => message)).toContain(
      'a tokenizer worker is stuck and is replaced',
    );
    clock.advance(100);
    expect(workers).toHaveLength(2);
  });

  test('that cannot load says why, and tries again with growing pauses', async () => {
    const { pool, clock, workers, latest, lines } = fakePool();
    const waiting = pool.tokenize(call);
    const unusable = { kind: 'unusable', code: 'TOKENIZER_FILES', message: 'no file' } as const;
    latest().report(unusable);
    latest().listener.ended(undefined);
    await expect(waiting).rejects.toMatchObject({ code: 'TOKENIZER_FILES', message: 'no file' });
    await expect(pool.tokenize(call)).rejects.toMatchObject({ code: 'TOKENIZER_FILES' });
    expect(pool.state).toMatchObject({ problem: 'no file', workers: [{ crashes: 0 }] });
    for (const pauseMs of [100, 200, 400]) {
      const started = workers.length;
      clock.advance(pauseMs - 1);
      expect(workers).toHaveLength(started);
      clock.advance(1);
      expect(workers).toHaveLength(started + 1);
      latest().report(unusable);
      latest().listener.ended(undefined);
    }
    expect(lines).toHaveLength(1);
  });
});

test('closing ends workers and calls, and leaves no timers', async () => {
  const { pool, clock, workers, latest } = fakePool({ workers: 2 });
  latest().becomeReady();
  const running = pool.tokenize(call);
  await pool.close();
  await expect(running).rejects.toMatchObject({ code: 'TOKENIZER_CLOSED' });
  await expect(pool.tokenize(call)).rejects.toMatchObject({ code: 'TOKENIZER_CLOSED' });
  expect(workers.map(({ terminated }) => terminated)).toEqual([1, 1]);
  expect(clock.pendingTimers).toBe(0);
});

test('a pool of no workers is refused', () => {
  expect(() => fakePool({ workers: 0 })).toThrow(RangeError);
});

describe('threads', () => {
  const options = { clock: systemClock, telemetry: noopTelemetry, timeoutMs: 60_000 };

  test('tokenize', async () => {
    const pool = createTokenizerPool({ ...options, directory: tinyModel, workers: 2 });
    const prompts = ['Hello world', 'The system', 'Hello world'];
    const answers = await Promise.all(
      prompts.map((prompt) =>
        pool.tokenize({ api: 'completions', body: body(JSON.stringify({ prompt })) }),
      ),
    );
    expect(answers.map(({ ids }) => [...ids])).toEqual([
      [1, 1111, 602],
      [1, 742, 613],
      [1, 1111, 602],
    ]);
    await pool.close();
  });

  test('say what is wrong with a request, without quoting it', async () => {
    const pool = createTokenizerPool({ ...options, directory: tinyModel });
    const answer = pool.tokenize({ api: 'completions', body: body('{"secret') });
    await expect(answer).rejects.toMatchObject({
      code: 'PROMPT_INVALID',
      message: 'the body is not JSON',
    });
    await pool.close();
  });

  test('say what is wrong with a model', async () => {
    const pool = createTokenizerPool({ ...options, directory: '/nonexistent' });
    await expect(pool.tokenize(call)).rejects.toMatchObject({
      code: 'TOKENIZER_FILES',
      message: '/nonexistent cannot be read',
    });
    await pool.close();
  });
});
