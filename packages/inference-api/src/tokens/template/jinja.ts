// SPDX-License-Identifier: Apache-2.0
import * as library from '@huggingface/jinja';

/** A value while a template runs: Python's None, str, dict and so on, as classes of the template engine. */
export interface RuntimeValue {
  readonly type: string;
  readonly value: unknown;
  toString(): string;
}

/** Variables that a template sees. */
export interface Scope {
  /** Takes plain JavaScript values and functions. */
  set(name: string, value: unknown): RuntimeValue;
  setVariable(name: string, value: RuntimeValue): RuntimeValue;
}

/** A node of a parsed template. Which fields it has besides depends on its type. */
export interface TemplateNode {
  type: string;
  readonly [field: string]: unknown;
}

interface JinjaLibrary {
  readonly Environment: new () => Scope;
  readonly Interpreter: new (scope: Scope) => { run(program: TemplateNode): RuntimeValue };
  parse(tokens: readonly unknown[]): TemplateNode;
  tokenize(
    template: string,
    options: { readonly trim_blocks: boolean; readonly lstrip_blocks: boolean },
  ): readonly unknown[];
}

// The package's declarations import each other in a way that its consumers cannot resolve: to them all of it is `any`.
const jinja = library as unknown as JinjaLibrary;

/** Parses a template with the settings of transformers' chat templates. Throws where it is none. */
export const parseTemplate = (template: string): TemplateNode =>
  jinja.parse(jinja.tokenize(template, { trim_blocks: true, lstrip_blocks: true }));

export const createScope = (): Scope => new jinja.Environment();

/** Runs a parsed template. What it printed is the value of the result. */
export const runTemplate = (program: TemplateNode, scope: Scope): RuntimeValue =>
  new jinja.Interpreter(scope).run(program);

/** The class of the values that `sample` becomes; the package does not export them. */
function classOf(sample: unknown): new (value: unknown) => RuntimeValue {
  const { constructor } = createScope().set('sample', sample);
  return constructor as new (value: unknown) => RuntimeValue;
}

const None = classOf(null);
const Undefined = classOf(undefined);
const Bool = classOf(true);
const Str = classOf('');
const Int = classOf(0);
const Float = classOf(0.5);
const List = classOf([]);
const Dict = classOf({});
const Callable = classOf(() => null);

/** Makes the values that a template works with. */
export const runtime = { None, Undefined, Bool, Str, Int, Float, List, Dict, Callable } as const;
