import type { QueuedRequest } from '@llm-d/scheduler-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FlowQueue } from './flow-queue.ts';
import { queued } from './queued.testing.ts';

const byExpiry = { compare: (a: QueuedRequest, b: QueuedRequest) => a.expiresMs - b.expiresMs };

test('requests leave in the policy’s order, equals as they came, and taken-out ones never', () => {
  const command = fc.oneof(
    fc.record({ push: fc.integer({ min: 0, max: 9 }) }),
    fc.record({ remove: fc.nat(30) }),
    fc.constant('take' as const),
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
      const queue = new FlowQueue('a', byExpiry);
      let model: QueuedRequest[] = [];
      for (const [i, command] of commands.entries()) {
        if (command === 'take') {
          const first = model.toSorted((a, b) => a.expiresMs - b.expiresMs)[0];
          expect(queue.head).toBe(first);
          if (first !== undefined) queue.remove(first);
          model = model.filter((request) => request !== first);
        } else if ('push' in command) {
          const request = queued({ id: `r${i}`, sequence: i, bytes: i, expiresMs: command.push });
          queue.push(request);
          model.push(request);
        } else {
          const victim = model[command.remove];
          if (victim !== undefined) expect(queue.remove(victim)).toBe(true);
          model = model.filter((request) => request !== victim);
        }
        expect(queue.requests).toBe(model.length);
        expect(queue.bytes).toBe(model.reduce((sum, { bytes }) => sum + bytes, 0));
      }
    }),
  );
});

test('a request that is not there cannot be taken out', () => {
  const queue = new FlowQueue('a', byExpiry);
  const request = queued();
  queue.push(request);
  expect(queue.remove(request)).toBe(true);
  expect(queue.remove(request)).toBe(false);
  expect(queue.head).toBeUndefined();
});
