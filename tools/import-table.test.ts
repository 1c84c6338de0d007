// The picture of the house and the rules that lint enforces are the same, and the rules bite.
import { ESLint } from 'eslint';
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { leaves, libraries } from './import-table.js';

const root = resolve(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Project {
  readonly name: string;
  readonly nx: { readonly tags: readonly string[] };
  readonly dependencies?: Readonly<Record<string, string>>;
}
const projects = globSync(['packages/*/package.json', 'apps/*/package.json'], { cwd: root }).map(
  (path) => ({ path, ...(JSON.parse(read(path)) as Project) }),
);

/** Rows `| room | what | may import |` of the table of libraries in docs/architecture.md. */
function documentedImports(): Record<string, readonly string[]> {
  const section = /## Libraries\n([\s\S]*?)\n## /.exec(read('docs/architecture.md'))?.[1] ?? '';
  const rows = [...section.matchAll(/^\| `([a-z-]+)` +\|.*\|([^|]*)\|$/gm)];
  return Object.fromEntries(
    rows.map(([, room = '', imports = '']) => [
      room,
      [...imports.matchAll(/`([a-z-]+)`/g)].map(([, name = '']) => name),
    ]),
  );
}

describe('the import table', () => {
  test('is the one in docs/architecture.md', () => {
    expect(documentedImports()).toEqual(libraries);
  });

  test('knows every project by the tag of its own name', () => {
    for (const { path, name, nx } of projects) {
      const room = name.replace('@llm-d/', '');
      expect(nx.tags, path).toContain(`room:${room}`);
      if (path.startsWith('packages/')) expect(Object.keys(libraries), path).toContain(room);
    }
  });

  test('allows every dependency that a library declares', () => {
    for (const { path, name, dependencies = {} } of projects) {
      const allowed = libraries[name.replace('@llm-d/', '')];
      if (allowed === undefined) continue;
      const declared = Object.keys(dependencies).filter((dependency) =>
        dependency.startsWith('@llm-d/'),
      );
      const rooms = declared.map((dependency) => dependency.replace('@llm-d/', ''));
      expect(
        rooms.filter((room) => !allowed.includes(room) && !leaves.includes(room)),
        path,
      ).toEqual([]);
    }
  });

  test('has no cycles', () => {
    const reaches = (from: string, seen: readonly string[] = []): readonly string[] => {
      expect(seen, `${from} reaches itself`).not.toContain(from);
      const next = libraries[from] ?? [];
      return next.flatMap((room) => [room, ...reaches(room, [...seen, from])]);
    };
    for (const room of Object.keys(libraries)) reaches(room);
  });
});

describe('the boundary rule', { timeout: 120_000 }, () => {
  // On a clean clone there is no project graph yet, and without one the rule is skipped in silence.
  beforeAll(() => {
    execFileSync(process.execPath, ['node_modules/.bin/nx', 'show', 'projects'], {
      cwd: root,
    });
  }, 120_000);

  let probe: string | undefined;
  afterEach(() => {
    if (probe !== undefined) rmSync(probe, { force: true });
  });

  const lint = async (file: string, code: string): Promise<readonly string[]> => {
    probe = join(root, file);
    writeFileSync(probe, code);
    const eslint = new ESLint({ cwd: root });
    const [result] = await eslint.lintFiles([file]);
    return (result?.messages ?? [])
      .filter(({ ruleId }) => ruleId === '@nx/enforce-module-boundaries')
      .map(({ message }) => message);
  };

  test.each([
    [
      'a library upwards',
      'packages/scheduler-core/src/boundary-probe.ts',
      "export { startEndpointPicker } from '@llm-d/endpoint-picker';\n",
    ],
    [
      'the test kit in production code',
      'packages/endpoint-picker/src/boundary-probe.ts',
      "export * from '@llm-d/test-kit';\n",
    ],
    [
      'an app in an app',
      'apps/llmd/src/boundary-probe.ts',
      "export { startGateway } from '../../gateway/src/app.ts';\n",
    ],
  ])('refuses %s', async (_, file, code) => {
    expect(await lint(file, code)).not.toEqual([]);
  });

  test('accepts what the table allows', async () => {
    expect(
      await lint(
        'packages/endpoint-picker/src/boundary-probe.ts',
        "export { createScheduler } from '@llm-d/scheduler-core';\n",
      ),
    ).toEqual([]);
  });
});
