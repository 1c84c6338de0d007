// The TypeScript examples of a Markdown file: fences that begin with "```ts check". In them a trailing
// "// => value" says what the expression before it gives.

const FENCE = /```ts check\n([\s\S]*?)```/g;
// An import may take several lines; none has a semicolon inside.
const IMPORT = /^import [^;]*;$/gm;
const EXPECTATION = /^(.*?);?\s*\/\/ => (.*)$/;

/** One example; its imports are shared by the whole file. */
export interface Fence {
  readonly imports: readonly string[];
  readonly body: readonly string[];
}

/** The examples of a Markdown text, in order. */
export function fencesOf(markdown: string): readonly Fence[] {
  return [...markdown.matchAll(FENCE)].map(([, code = '']) => ({
    imports: code.match(IMPORT) ?? [],
    body: code.replace(IMPORT, '').split('\n'),
  }));
}

/** A module in which every example is one call of `wrap`, expectations turned into code by `expectation`. */
export function moduleOf(
  fences: readonly Fence[],
  options: {
    readonly prelude: string;
    readonly wrap: (body: string, number: number) => string;
    readonly expectation: (expression: string, value: string) => string;
  },
): string {
  const imports = mergedImports(fences.flatMap((fence) => fence.imports));
  const examples = fences.map(({ body }, i) => {
    const lines = body.map((line) =>
      line.replace(EXPECTATION, (_, expression: string, value: string) =>
        options.expectation(expression, value),
      ),
    );
    return options.wrap(lines.join('\n'), i + 1);
  });
  return [options.prelude, ...imports, ...examples].join('\n');
}

const NAMED = /^import (type )?\{([^}]*)\} from ('[^']*');$/;

/** Every name once, though several examples import it. */
function mergedImports(imports: readonly string[]): readonly string[] {
  const named = new Map<string, Set<string>>();
  const others = new Set<string>();
  for (const text of imports) {
    const [, type = '', names, from] = NAMED.exec(text.replaceAll('\n', ' ')) ?? [];
    if (names === undefined || from === undefined) {
      others.add(text);
      continue;
    }
    const known = named.get(from) ?? new Set();
    named.set(from, known);
    for (const name of names.split(',')) {
      if (name.trim() !== '') known.add(`${type}${name.trim()}`);
    }
  }
  const merged = [...named].map(
    ([from, names]) => `import { ${[...names].join(', ')} } from ${from};`,
  );
  return [...others, ...merged];
}
