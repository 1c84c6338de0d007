import { describe, expect, test } from 'vitest';
import { createThresholdGate } from './threshold-gate.ts';

const chat = (delta: object, finish_reason: string | null = null): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
const role = chat({ role: 'assistant', content: '' });

describe('a stream, byte by byte', () => {
  test.each([
    ['a threshold that was missed', role + chat({}, 'cache_threshold'), 'withhold'],
    ['a first word', role + chat({ content: 'Hi' }), 'pass'],
    ['a thought', role + chat({ reasoning_content: 'Hm' }), 'pass'],
    ['a call of a tool', role + chat({ tool_calls: [{}] }), 'pass'],
    ['another end', role + chat({}, 'length'), 'pass'],
    ['a completion', 'data: {"choices":[{"text":"x","finish_reason":null}]}\n\n', 'pass'],
    ['nothing at all', 'data: [DONE]\n\n', 'pass'],
    ['a role only', role, 'undecided'],
  ])('%s: %s', (_, text, expected) => {
    const gate = createThresholdGate();
    expect(gate.begin(200, { 'content-type': 'text/event-stream' })).toBe('undecided');
    let verdict = 'undecided';
    for (const byte of Buffer.from(text)) {
      if (verdict === 'undecided') verdict = gate.push(Buffer.of(byte));
    }
    expect(verdict).toBe(expected);
    if (expected === 'undecided') expect(gate.end()).toBe('pass');
  });
});

test.each([
  ['{"choices":[{"finish_reason":"cache_threshold"}]}', 'withhold'],
  ['{"choices":[{"finish_reason":"stop"}]}', 'pass'],
  ['{"choices":[]}', 'pass'],
  ['<html>', 'pass'],
])('a document %s is decided at its end: %s', (text, expected) => {
  const gate = createThresholdGate();
  gate.begin(200, { 'content-type': 'application/json' });
  expect(gate.push(Buffer.from(text))).toBe('undecided');
  expect(gate.end()).toBe(expected);
});

test('an error passes', () => {
  expect(createThresholdGate().begin(503, {})).toBe('pass');
});
