// SPDX-License-Identifier: Apache-2.0
import { definePlugin, type TokenUsage } from '@llm-d/scheduler-core';
import * as z from 'zod';
import {
  compileUsageExpression,
  usageVariable,
  type ExpressionKind,
  type UsageExpression,
} from './usage-expression.ts';

const expression = (kind: ExpressionKind) =>
  z
    .string()
    .min(1)
    .superRefine((text, context) => {
      try {
        compileUsageExpression(text, kind);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        context.addIssue({ code: 'custom', message: `not a CEL expression over usage: ${reason}` });
      }
    });

const parameters = z.strictObject({
  attributes: z
    .array(
      z.strictObject({
        key: z
          .strictObject({
            namespace: z
              .string()
              .min(1)
              .default('envoy.lb')
              .describe('Namespace of the dynamic metadata.'),
            name: z.string().min(1).describe('Name in that namespace.'),
          })
          .describe('Where the proxy finds the number.'),
        expression: expression('number').describe(
          'CEL over usage that comes to a number, which is cut to a whole one; 0 is not reported.',
        ),
        condition: expression('bool')
          .optional()
          .describe('CEL over usage; where it is false the number is not reported.'),
      }),
    )
    .min(1)
    .describe('Numbers to report.'),
});

interface Reported {
  readonly namespace: string;
  readonly name: string;
  readonly expression: UsageExpression;
  readonly condition: UsageExpression | undefined;
}

/** Tells the proxy numbers made of a request's token counts, such as its cost, with the end of its answer. */
export const requestAttributeReporter = definePlugin({
  type: 'request-attribute-reporter',
  summary:
    'Tells the proxy numbers made of a request’s token counts, in the dynamic metadata at the end of its answer.',
  stability: 'beta',
  points: ['response'],
  parameters,
  create: ({ attributes }, { name: plugin, telemetry: { logger } }) => {
    const reported = attributes.map(({ key, expression: text, condition }): Reported => ({
      ...key,
      expression: compileUsageExpression(text, 'number'),
      condition: condition === undefined ? undefined : compileUsageExpression(condition, 'bool'),
    }));
    let failed = 0;
    const report = (usage: TokenUsage) => {
      const metadata: Record<string, Record<string, number>> = {};
      for (const attribute of reported) {
        try {
          const value = valueOf(attribute, usage);
          if (value === 0) continue;
          (metadata[attribute.namespace] ??= {})[attribute.name] = value;
        } catch (error) {
          // The same expression fails for the same reason again and again.
          if (failed++ === 0) logger.warn('expression over usage failed', { plugin, error });
        }
      }
      return Object.keys(metadata).length > 0 ? metadata : undefined;
    };
    return {
      response: {
        responseCompleted: (_exchange, { usage }) =>
          usage === undefined ? undefined : report(usage),
      },
      state: () => ({ failed }),
    };
  },
});

function valueOf({ expression, condition }: Reported, usage: TokenUsage): number {
  const variable = usageVariable(usage);
  if (condition !== undefined && condition.evaluate(variable) !== true) return 0;
  const value = Math.trunc(Number(expression.evaluate(variable)));
  return Number.isFinite(value) ? value : 0;
}
