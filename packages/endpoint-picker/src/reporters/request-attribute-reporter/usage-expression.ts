// SPDX-License-Identifier: Apache-2.0
import { Environment, type ParseResult } from '@marcbachmann/cel-js';
import type { TokenUsage } from '@llm-d/scheduler-core';

/** What an expression is to come to. */
export type ExpressionKind = 'number' | 'bool';

/** A CEL expression over `usage`, ready to be asked. */
export interface UsageExpression {
  /** Its value, a number or a boolean by its kind. Throws where it cannot be had, such as from a missing member. */
  evaluate(usage: UsageVariable): number | boolean;
}

/** The variable `usage`: token counts by the names that OpenAI gives them. Numbers are CEL doubles. */
export interface UsageVariable {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  /** Absent where the engine does not tell. */
  readonly prompt_token_details?: { readonly cached_tokens: number };
}

/** Text that is no expression, or none of its kind. */
export class UsageExpressionError extends Error {
  readonly code = 'USAGE_EXPRESSION';
  readonly expression: string;
  constructor(expression: string, reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'UsageExpressionError';
    this.expression = expression;
  }
}

const environment = new Environment().registerVariable('usage', 'map');

const typesOf: Readonly<Record<ExpressionKind, ReadonlySet<string>>> = {
  number: new Set(['dyn', 'int', 'uint', 'double']),
  bool: new Set(['dyn', 'bool']),
};

/** Compiles an expression. Throws {@link UsageExpressionError}. */
export function compileUsageExpression(text: string, kind: ExpressionKind): UsageExpression {
  const program = parse(text);
  const { valid, type, error } = program.check();
  if (!valid) throw new UsageExpressionError(text, firstLine(error), { cause: error });
  if (type !== undefined && !typesOf[kind].has(type)) {
    throw new UsageExpressionError(text, `it is a ${type}, not a ${kind}`);
  }
  return {
    evaluate: (usage) => {
      const value: unknown = program({ usage });
      const plain = typeof value === 'bigint' ? Number(value) : value;
      if (typeof plain === (kind === 'bool' ? 'boolean' : 'number'))
        return plain as number | boolean;
      throw new UsageExpressionError(text, `it came to a ${typeof value}, not a ${kind}`);
    },
  };
}

function parse(text: string): ParseResult {
  try {
    return environment.parse(text);
  } catch (cause) {
    throw new UsageExpressionError(text, firstLine(cause), { cause });
  }
}

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';

/** Usage as an expression sees it. */
export const usageVariable = ({
  promptTokens,
  completionTokens,
  cachedTokens,
}: TokenUsage): UsageVariable => ({
  prompt_tokens: promptTokens,
  completion_tokens: completionTokens,
  total_tokens: promptTokens + completionTokens,
  ...(cachedTokens !== undefined && { prompt_token_details: { cached_tokens: cachedTokens } }),
});
