// SPDX-License-Identifier: Apache-2.0
import type { JsonText } from '../../json/json-text.ts';
import { TokenizerError } from '../tokenizer-error.ts';
import { adaptProgram, defineOwnFilters } from './adapt-program.ts';
import { detectContentFormat, type ContentFormat } from './content-format.ts';
import { createScope, parseTemplate, runTemplate, type Scope, type TemplateNode } from './jinja.ts';
import { strftime } from './strftime.ts';
import { templateValue } from './template-values.ts';

/** A chat template, ready to run. */
export interface ChatTemplate {
  /** How it expects the content of messages, by vLLM's rule. */
  readonly contentFormat: ContentFormat;
  /** Whether it mentions the role; vLLM makes such messages the system's otherwise. */
  readonly knowsDeveloper: boolean;
  /** Whether it mentions a field of messages. */
  mentions(field: string): boolean;
  /**
   * What it prints, given its variables. Variables that are undefined are not defined. Throws {@link TokenizerError}:
   * `TEMPLATE_REFUSED` where the template does, or needs what is not available here.
   */
  render(variables: Readonly<Record<string, JsonText | undefined>>): string;
}

export interface ChatTemplateOptions {
  /** Time of day (ms since the epoch) for templates that print the date. */
  readonly now: () => number;
}

/** Python's sandbox allows no longer range. */
const LONGEST_RANGE = 100_000;
/** Templates may quote what they refuse, such as a role. */
const LONGEST_REASON = 200;

/**
 * Compiles a template to behave as transformers' `apply_chat_template` has it. Throws {@link TokenizerError}
 * (`TOKENIZER_UNSUPPORTED`) where the engine of templates here cannot read it.
 */
export function createChatTemplate(source: string, { now }: ChatTemplateOptions): ChatTemplate {
  const program = parse(source);
  const contentFormat = detectContentFormat(program);
  adaptProgram(program);
  return {
    contentFormat,
    knowsDeveloper: /(["'])developer\1/.test(source),
    mentions: (field) => source.includes(field),
    render: (variables) => {
      const scope = scopeWith(now);
      for (const [name, value] of Object.entries(variables)) {
        if (value !== undefined) scope.setVariable(name, templateValue(value));
      }
      return run(program, scope);
    },
  };
}

function parse(source: string): TemplateNode {
  try {
    return parseTemplate(source);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TokenizerError('TOKENIZER_UNSUPPORTED', `the chat template: ${reason}`, { cause });
  }
}

function run(program: TemplateNode, scope: Scope): string {
  try {
    return String(runTemplate(program, scope).value);
  } catch (cause) {
    if (cause instanceof TokenizerError) throw cause;
    const reason = cause instanceof Error ? cause.message.slice(0, LONGEST_REASON) : String(cause);
    throw new TokenizerError('TEMPLATE_REFUSED', `the chat template: ${reason}`, { cause });
  }
}

function scopeWith(now: () => number): Scope {
  const scope = createScope();
  for (const [name, value] of [
    ['none', null],
    ['true', true],
    ['false', false],
  ] as const) {
    scope.set(name, value);
    scope.set(name.charAt(0).toUpperCase() + name.slice(1), value);
  }
  scope.set('range', range);
  scope.set('raise_exception', (message: unknown) => {
    throw new Error(String(message));
  });
  scope.set('strftime_now', (format: unknown) => strftime(now(), String(format)));
  defineOwnFilters(scope);
  return scope;
}

function range(first: number, end?: number, step = 1): readonly number[] {
  const [from, to] = end === undefined ? [0, first] : [first, end];
  const length = Math.max(0, Math.ceil((to - from) / step));
  if (!(length <= LONGEST_RANGE)) throw new RangeError('a range of the template is too long');
  return Array.from({ length }, (_, i) => from + i * step);
}
