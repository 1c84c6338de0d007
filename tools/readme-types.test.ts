// The examples of every README are type-checked, besides being run.
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { fencesOf, moduleOf } from './readme-fences.ts';

const root = resolve(import.meta.dirname, '..');

/** The examples as a module that lies in its package, so that imports resolve as they would for a user. */
function writeExamples(readme: string): string | undefined {
  const fences = fencesOf(readFileSync(join(root, readme), 'utf8'));
  if (fences.length === 0) return undefined;
  const directory = join(root, dirname(readme), 'out-tsc');
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${basename(readme, '.md').toLowerCase()}-examples.ts`);
  const source = moduleOf(fences, {
    prelude: 'declare function check(actual: unknown): { is(expected: unknown): void };',
    wrap: (body, number) => `export async function example${String(number)}() {\n${body}\n}`,
    expectation: (expression, value) => `check(${expression}).is(${value});`,
  });
  writeFileSync(file, source);
  return file;
}

test('every package shows an example, and no TypeScript fence escapes the check', () => {
  for (const readme of globSync('packages/*/README.md', { cwd: root })) {
    const text = readFileSync(join(root, readme), 'utf8');
    expect(fencesOf(text).length, readme).toBeGreaterThan(0);
    expect(text.match(/^```(ts|typescript)$/gm), readme).toBeNull();
  }
});

test('README examples have no type errors', { timeout: 120_000 }, () => {
  const readmes = globSync(['README.md', 'packages/*/README.md'], { cwd: root });
  const files = readmes.flatMap((readme) => writeExamples(readme) ?? []);
  const base = ts.readConfigFile(join(root, 'tsconfig.base.json'), (path) =>
    readFileSync(path, 'utf8'),
  );
  const { options } = ts.convertCompilerOptionsFromJson(
    (base.config as { compilerOptions: object }).compilerOptions,
    root,
  );
  const program = ts.createProgram(files, {
    ...options,
    noEmit: true,
    composite: false,
    declarationMap: false,
    noUnusedLocals: false,
    allowImportingTsExtensions: true,
    rootDir: root,
  });
  const own = new Set(files);
  const problems = ts
    .getPreEmitDiagnostics(program)
    .filter(({ file }) => file === undefined || own.has(file.fileName))
    .map(
      ({ file, messageText }) =>
        `${file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    );
  for (const file of files) rmSync(file);
  expect(files.length).toBeGreaterThan(0);
  expect(problems).toEqual([]);
});
