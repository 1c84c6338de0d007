import type { Completion, DynamicMetadata, TokenUsage } from '@llm-d/scheduler-core';
import { makeCycle, makeEndpoint, makePlugin } from '@llm-d/scheduler-core/testing';
import { noopTelemetry } from '@llm-d/telemetry';
import { recordingLogger } from '@llm-d/telemetry/testing';
import { describe, expect, test } from 'vitest';
import { requestAttributeReporter } from './request-attribute-reporter.ts';

const usage: TokenUsage = { promptTokens: 32, completionTokens: 10, cachedTokens: 16 };
const cost = (expression: string, condition?: string) => ({
  key: { name: 'cost' },
  expression,
  ...(condition !== undefined && { condition }),
});

function report(attributes: readonly object[], completion: Partial<Completion> = {}) {
  const logger = recordingLogger();
  const plugin = makePlugin(
    requestAttributeReporter,
    { attributes },
    { telemetry: { ...noopTelemetry, logger } },
  );
  const endpoint = makeEndpoint('a');
  const result = {
    kind: 'scheduled',
    primary: 'default',
    endpoints: [endpoint],
    outcomes: new Map(),
  } as const;
  const told = (): DynamicMetadata | undefined =>
    plugin.response?.responseCompleted?.(
      { cycle: makeCycle(), result },
      { termination: 'natural', status: 200, usage, atMs: 0, ...completion },
    );
  return { told, logger, plugin };
}

describe('a number made of token counts', () => {
  test.each([
    ['a count', 'usage.completion_tokens', 10],
    ['a sum', 'usage.prompt_tokens + usage.completion_tokens', 42],
    ['the total', 'usage.total_tokens', 42],
    ['what was not cached', 'usage.prompt_tokens - usage.prompt_token_details.cached_tokens', 16],
    ['a weighted sum, cut to a whole number', 'usage.completion_tokens * 1.55', 15],
    ['a whole number', 'int(usage.completion_tokens) * 3', 30],
    ['a choice', 'usage.completion_tokens > 5 ? 1 : 2', 1],
  ])('may be %s', (_, expression, expected) => {
    expect(report([cost(expression)]).told()).toEqual({ 'envoy.lb': { cost: expected } });
  });

  test('goes where its key says, several together', () => {
    const attributes = [
      cost('usage.completion_tokens'),
      { key: { namespace: 'billing', name: 'in' }, expression: 'usage.prompt_tokens' },
      { key: { namespace: 'billing', name: 'out' }, expression: 'usage.completion_tokens' },
    ];
    expect(report(attributes).told()).toEqual({
      'envoy.lb': { cost: 10 },
      billing: { in: 32, out: 10 },
    });
  });

  test.each<[string, object, Partial<Completion>]>([
    ['the engine does not count', cost('usage.total_tokens'), { usage: undefined }],
    ['it is 0', cost('usage.completion_tokens * 0.0'), {}],
    ['its condition does not hold', cost('usage.total_tokens', 'usage.completion_tokens > 10'), {}],
    [
      'its condition asks for what is not there',
      cost('usage.total_tokens', 'has(usage.prompt_token_details)'),
      { usage: { ...usage, cachedTokens: undefined } },
    ],
    ['it is no finite number', cost('usage.completion_tokens / 0.0'), {}],
  ])('is not reported where %s', (_, attribute, completion) => {
    expect(report([attribute], completion).told()).toBeUndefined();
  });

  test('that cannot be had leaves out itself only, and is reported once', () => {
    const attributes = [
      cost('usage.nothing'),
      { key: { name: 'in' }, expression: 'usage.prompt_tokens' },
    ];
    const { told, logger, plugin } = report(attributes);
    expect(told()).toEqual({ 'envoy.lb': { in: 32 } });
    told();
    expect(logger.lines).toMatchObject([{ message: 'expression over usage failed' }]);
    expect(plugin.state?.()).toEqual({ failed: 2 });
  });
});

test.each([
  ['no attributes', [], 'Too small'],
  ['a syntax error', [cost('usage.')], 'not a CEL expression over usage: Expected IDENTIFIER'],
  ['another variable', [cost('request.size')], 'Unknown variable: request'],
  ['text', [cost('"x"')], 'it is a string, not a number'],
  [
    'a condition that is a number',
    [cost('usage.total_tokens', '1 + 2')],
    'it is a int, not a bool',
  ],
])('%s is refused', (_, attributes, message) => {
  const { error } = requestAttributeReporter.parameters.safeParse({ attributes });
  expect(error?.issues.map((issue) => issue.message).join()).toContain(message);
});
