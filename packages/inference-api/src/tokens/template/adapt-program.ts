// SPDX-License-Identifier: Apache-2.0
import { identifierOf, isNode, walk } from './content-format.ts';
import type { Scope, TemplateNode } from './jinja.ts';
import { toJsonFilter } from './template-json.ts';
import { strFilter } from './template-text.ts';

/** Filters of our own. No variable of a template can have names with a space. */
const ownFilters = {
  tojson: [' tojson', toJsonFilter],
  string: [' str', strFilter],
} as const;
const STR = ownFilters.string[0];

/** Nodes that print nothing by themselves. */
const STATEMENTS: ReadonlySet<string> = new Set([
  'Program',
  'Set',
  'If',
  'For',
  'Macro',
  'CallStatement',
  'FilterStatement',
  'Break',
  'Continue',
  'Comment',
  'StringLiteral',
]);

/** Defines what {@link adaptProgram} has a template call. */
export function defineOwnFilters(scope: Scope): void {
  for (const [name, filter] of Object.values(ownFilters)) scope.setVariable(name, filter);
}

/**
 * Has a template write JSON and print values as Python does. The engine of templates writes 1.0 as 1, True as true and
 * None as nothing, and knows no filters but its own.
 */
export function adaptProgram(program: TemplateNode): void {
  for (const node of [...walk(program)]) {
    for (const block of ['body', 'alternate', 'defaultBlock']) {
      const statements = node[block];
      // A block that a variable is set to, or that a macro returns, is a string like any other.
      if (Array.isArray(statements)) {
        for (const [i, statement] of (statements as unknown[]).entries()) {
          if (isNode(statement) && !STATEMENTS.has(statement.type)) {
            statements[i] = callOf(STR, [statement]);
          }
        }
      }
    }
    if (node.type === 'FilterExpression') replaceFilter(node);
    else if (node.type === 'BinaryExpression') joinAsText(node);
  }
}

/** A node as the engine evaluates it. */
const callOf = (name: string, args: readonly unknown[]): TemplateNode => ({
  type: 'CallExpression',
  callee: { type: 'Identifier', value: name },
  args,
});

function replaceFilter(node: TemplateNode): void {
  const { filter, operand } = node;
  if (!isNode(filter)) return;
  const { callee, args } = filter;
  const more: readonly unknown[] = Array.isArray(args) ? args : [];
  const name = identifierOf(callee ?? filter);
  if (name !== 'tojson' && name !== 'string') return;
  Object.assign(node, callOf(ownFilters[name][0], [operand, ...more]));
}

/** The operator `~` takes anything. */
function joinAsText(node: TemplateNode): void {
  const { operator, left, right } = node;
  if (typeof operator !== 'object' || operator === null || !('value' in operator)) return;
  if (operator.value !== '~') return;
  Object.assign(node, { left: callOf(STR, [left]), right: callOf(STR, [right]) });
}
