import { noopTelemetry } from '@llm-d/telemetry';
import { EventEmitter } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { endOnSignals, type EndOptions } from './end-on-signals.ts';

class FakeProcess extends EventEmitter {
  readonly exits: number[] = [];
  exit(code: number): void {
    this.exits.push(code);
  }
}

function program(options: Omit<EndOptions, 'logger'>): FakeProcess {
  const process = new FakeProcess();
  endOnSignals(process, { ...options, logger: noopTelemetry.logger });
  return process;
}

test.each(['SIGINT', 'SIGTERM'] as const)('%s ends the work, then the process', async (signal) => {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const process = program({ end: () => promise });
  process.emit(signal, signal);
  await turn();
  expect(process.exits).toEqual([]);
  resolve(undefined);
  await turn();
  expect(process.exits).toEqual([0]);
});

test('a second signal does not end the work again: it asks for haste', async () => {
  const heard: string[] = [];
  const process = program({
    end: (signal) => {
      heard.push(`end ${signal}`);
      return Promise.resolve();
    },
    hurry: (signal) => heard.push(`hurry ${signal}`),
  });
  process.emit('SIGINT', 'SIGINT');
  process.emit('SIGTERM', 'SIGTERM');
  await turn();
  expect(heard).toEqual(['end SIGINT', 'hurry SIGTERM']);
  expect(process.exits).toEqual([0]);
});

test('work that cannot be ended in good order makes the exit code 1', async () => {
  const process = program({ end: () => Promise.reject(new Error('lost')) });
  process.emit('SIGTERM', 'SIGTERM');
  await turn();
  expect(process.exits).toEqual([1]);
});

test('who was started by a program that is gone ends in haste', async () => {
  const heard: string[] = [];
  const process = program({
    end: () => {
      heard.push('end');
      return Promise.resolve();
    },
    hurry: () => heard.push('hurry'),
  });
  process.emit('disconnect');
  await turn();
  expect(heard).toEqual(['end', 'hurry']);
});
