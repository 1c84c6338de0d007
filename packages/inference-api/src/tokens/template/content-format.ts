// SPDX-License-Identifier: Apache-2.0
import type { TemplateNode } from './jinja.ts';

/** How a template wants the content of messages: as one string, or as the parts of the API. */
export type ContentFormat = 'string' | 'openai';

/**
 * Which content a template expects, by vLLM's rule: parts where it has a loop over the content of a message, by
 * whatever variable or macro parameter that goes.
 */
export function detectContentFormat(program: TemplateNode): ContentFormat {
  const nodes = [...walk(program)];
  const lists = aliasesOf('messages', nodes);
  const messages = loopVariables(nodes, (iterable) =>
    lists.some((name) => accesses(iterable, name)),
  );
  const isContent = (node: unknown) => messages.some((name) => accesses(node, name, 'content'));
  const parameters = contentParameters(nodes, isContent);
  const inMacros = new Set(
    nodes.filter(({ type }) => type === 'Macro').flatMap((m) => [...walk(m)]),
  );
  const loopsOverContent = nodes.some((node) => {
    if (node.type !== 'For') return false;
    const iterable = iterableOf(node);
    if (isContent(iterable)) return true;
    const name = identifierOf(iterable);
    if (name === undefined) return false;
    return inMacros.has(node) ? (parameters.get(node)?.has(name) ?? false) : name === 'content';
  });
  return loopsOverContent ? 'openai' : 'string';
}

/** Whether a field of a node is a node. */
export const isNode = (value: unknown): value is TemplateNode =>
  typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';

/** A node and everything below it. */
export function* walk(value: unknown): Generator<TemplateNode> {
  if (Array.isArray(value)) for (const item of value) yield* walk(item);
  else if (value instanceof Map) for (const entry of value) yield* walk(entry);
  else if (isNode(value)) {
    yield value;
    for (const field of Object.values(value)) {
      if (typeof field === 'object' && field !== null) yield* walk(field);
    }
  }
}

/** The name of a node that is nothing but a variable. */
export const identifierOf = (node: unknown): string | undefined =>
  isNode(node) && node.type === 'Identifier' && typeof node['value'] === 'string'
    ? node['value']
    : undefined;

/** The variable itself or a member of it, maybe filtered, tested or sliced. */
function accesses(node: unknown, variable: string, key?: string): boolean {
  if (!isNode(node)) return false;
  if (node.type === 'FilterExpression' || node.type === 'TestExpression') {
    return accesses(node['operand'], variable, key);
  }
  const { object, property, computed } = node;
  const isMember = node.type === 'MemberExpression' && isNode(property);
  if (isMember && property.type === 'SliceExpression') return accesses(object, variable, key);
  if (key === undefined) return identifierOf(node) === variable;
  if (!isMember || identifierOf(object) !== variable) return false;
  return computed === true
    ? property.type === 'StringLiteral' && property['value'] === key
    : identifierOf(property) === key;
}

/** A variable, and those that are set to it. */
function aliasesOf(variable: string, nodes: readonly TemplateNode[]): readonly string[] {
  const names = [variable];
  for (const name of names) {
    for (const node of nodes) {
      if (node.type !== 'Set' || !accesses(node['value'], name)) continue;
      const target = identifierOf(node['assignee']);
      if (target !== undefined && !names.includes(target)) names.push(target);
    }
  }
  return names;
}

function loopVariables(
  nodes: readonly TemplateNode[],
  isWanted: (iterable: unknown) => boolean,
): readonly string[] {
  return nodes
    .filter((node) => node.type === 'For' && isWanted(iterableOf(node)))
    .map((node) => identifierOf(node['loopvar']))
    .filter((name) => name !== undefined);
}

/** What a loop runs over, without its condition. */
function iterableOf({ iterable }: TemplateNode): unknown {
  return isNode(iterable) && iterable.type === 'SelectExpression' ? iterable['lhs'] : iterable;
}

/** For loops in macros: the parameters by which a message's content comes in. */
function contentParameters(
  nodes: readonly TemplateNode[],
  isContent: (node: unknown) => boolean,
): ReadonlyMap<TemplateNode, ReadonlySet<string>> {
  const found = new Map<TemplateNode, ReadonlySet<string>>();
  const calls = nodes.filter(({ type }) => type === 'CallExpression');
  for (const macro of nodes.filter(({ type }) => type === 'Macro')) {
    const parameters = nodesOf(macro['args']).map((arg) => identifierOf(arg['key'] ?? arg) ?? '');
    const names = new Set<string>();
    for (const call of calls) {
      if (identifierOf(call['callee']) !== identifierOf(macro['name'])) continue;
      for (const [i, argument] of nodesOf(call['args']).entries()) {
        const isNamed = argument.type === 'KeywordArgumentExpression';
        const name = isNamed ? identifierOf(argument['key']) : parameters[i];
        if (name !== undefined && isContent(isNamed ? argument['value'] : argument))
          names.add(name);
      }
    }
    for (const node of walk(macro)) if (node.type === 'For') found.set(node, names);
  }
  return found;
}

const nodesOf = (value: unknown): readonly TemplateNode[] =>
  Array.isArray(value) ? value.filter(isNode) : [];
