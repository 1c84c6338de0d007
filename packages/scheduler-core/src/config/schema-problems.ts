// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { didYouMean } from './closest-name.ts';
import { issueMessage } from './issue-message.ts';
import type { ConfigPath, ProblemList } from './problem-list.ts';

/**
 * Parses the value of one field. What the schema refuses goes to `problems`, under the field's path;
 * the answer is undefined then.
 */
export function parseField<T>(
  schema: z.ZodType<T>,
  field: { readonly value: unknown; readonly path: ConfigPath; readonly problems: ProblemList },
): T | undefined {
  const result = schema.safeParse(field.value, { reportInput: true });
  if (result.success) return result.data;
  for (const issue of result.error.issues) report(issue, schema, field);
  return undefined;
}

function report(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
  { path, problems }: { readonly path: ConfigPath; readonly problems: ProblemList },
): void {
  const below = issue.path.filter((step) => typeof step !== 'symbol');
  if (issue.code !== 'unrecognized_keys') {
    problems.add([...path, ...below], issueMessage(issue));
    return;
  }
  const known = fieldsAt(schema, below);
  for (const key of issue.keys) {
    problems.add([...path, ...below, key], `unknown field${didYouMean(key, known)}`);
  }
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
}

/** Names of the fields that the schema knows at a place inside it. */
function fieldsAt(schema: z.ZodType, path: ConfigPath): string[] {
  // A JSON Schema has more kinds of members; these are the ones that lead to fields.
  let at = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as
    JsonSchema | undefined;
  for (const step of path) {
    const additional =
      typeof at?.additionalProperties === 'object' ? at.additionalProperties : undefined;
    at = typeof step === 'number' ? at?.items : (at?.properties?.[step] ?? additional);
  }
  return Object.keys(at?.properties ?? {});
}
