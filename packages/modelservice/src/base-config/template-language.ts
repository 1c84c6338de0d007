// SPDX-License-Identifier: Apache-2.0
import { evaluate } from './template-expression.ts';
import { isTruthy, type TemplateScope } from './template-functions.ts';
import { TemplateError } from './template-position.ts';

/**
 * Fills in a template in the part of Go's text/template that BaseConfigs use: fields, pipes, calls in parentheses,
 * `if` with `else` and `else if`, comments, and both trim markers.
 * @throws {@link TemplateError} for whatever it does not know, with its place
 */
export function fillTemplate(template: string, scope: TemplateScope): string {
  const blocks: Block[] = [{ kind: 'if', offset: 0, taken: true, active: true }];
  const output: string[] = [];
  for (const piece of piecesOf(template)) {
    if (piece.kind === 'text') {
      if (blocks.every(({ active }) => active)) output.push(piece.text);
    } else {
      const value = act(template, { piece, blocks, scope });
      if (value !== undefined) output.push(value);
    }
  }
  const open = blocks.at(-1);
  if (open !== undefined && blocks.length > 1) {
    throw new TemplateError('if has no end', template, open.offset);
  }
  return output.join('');
}

/** An `if` that is open. */
interface Block {
  readonly kind: 'if' | 'else';
  readonly offset: number;
  /** Whether one of its branches has been chosen. */
  readonly taken: boolean;
  /** Whether the branch that is being read is that one. */
  readonly active: boolean;
}

type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly from: number; readonly to: number };

function* piecesOf(template: string): Generator<Piece> {
  let at = 0;
  let trimsNext = false;
  while (at < template.length || trimsNext) {
    const open = template.indexOf('{{', at);
    const end = open < 0 ? template.length : open;
    const trimsBefore = open >= 0 && /^\{\{-\s/.test(template.slice(open, open + 4));
    let text = template.slice(at, end);
    if (trimsNext) text = text.trimStart();
    if (trimsBefore) text = text.trimEnd();
    if (text !== '') yield { kind: 'text', text };
    if (open < 0) return;
    const close = closeOf(template, open);
    trimsNext = /\s-$/.test(template.slice(open, close));
    yield {
      kind: 'action',
      from: open + (trimsBefore ? 3 : 2),
      to: trimsNext ? close - 1 : close,
    };
    at = close + 2;
  }
}

/** Where the action that begins at `open` is closed; braces in texts do not count. */
function closeOf(template: string, open: number): number {
  const action = /(?:"(?:[^"\\]|\\.)*"|`[^`]*`|\/\*[\s\S]*?\*\/|[^"`}]|\}(?!\}))*\}\}/y;
  action.lastIndex = open + 2;
  if (action.exec(template) === null) throw new TemplateError('{{ is not closed', template, open);
  return action.lastIndex - 2;
}

interface Action {
  readonly piece: { readonly from: number; readonly to: number };
  readonly blocks: Block[];
  readonly scope: TemplateScope;
}

/** Does what an action says; text where it is a value. */
function act(template: string, { piece, blocks, scope }: Action): string | undefined {
  const source = template.slice(piece.from, piece.to);
  const [, lead = '', word = ''] = /^(\s*)([A-Za-z]*)/.exec(source) ?? [];
  const offset = piece.from + lead.length;
  const rest = { template, from: offset + word.length, to: piece.to };
  const active = blocks.every((block) => block.active);
  if (/^\s*\/\*/.test(source)) return undefined;
  switch (word) {
    case 'if': {
      // Also where it is not taken: what is not understood is found wherever it stands.
      const holds = isTruthy(evaluate(rest, scope)) && active;
      blocks.push({ kind: 'if', offset, taken: holds, active: holds });
      return undefined;
    }
    case 'else':
      otherwise({ blocks, scope, piece: rest }, { template, offset });
      return undefined;
    case 'end':
      if (blocks.length === 1) throw new TemplateError('end without if', template, offset);
      blocks.pop();
      return undefined;
    case 'range':
    case 'with':
    case 'define':
    case 'template':
    case 'block':
    case 'include':
      throw new TemplateError(`${word} is not supported`, template, offset);
    default: {
      const value = evaluate({ ...rest, from: piece.from }, scope);
      return active ? String(value) : undefined;
    }
  }
}

function otherwise(
  { blocks, scope, piece }: Action,
  { template, offset }: { readonly template: string; readonly offset: number },
): void {
  const block = blocks.pop();
  if (block === undefined || blocks.length === 0 || block.kind === 'else') {
    throw new TemplateError('else without if', template, offset);
  }
  const outside = blocks.every(({ active }) => active);
  const condition = /^\s+if\b/.exec(template.slice(piece.from, piece.to));
  const open = outside && !block.taken;
  const rest = { template, from: piece.from + (condition?.[0].length ?? 0), to: piece.to };
  if (condition === null && template.slice(rest.from, rest.to).trim() !== '') {
    throw new TemplateError('else has no arguments', template, offset);
  }
  const holds = (condition === null || isTruthy(evaluate(rest, scope))) && open;
  const kind = condition === null ? 'else' : 'if';
  blocks.push({ kind, offset: block.offset, taken: block.taken || holds, active: holds });
}
