import eslint from '@eslint/js';
import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { depConstraints } from './tools/import-table.js';

const boundaries = (where) => ({
  '@nx/enforce-module-boundaries': [
    'error',
    {
      enforceBuildableLibDependency: true,
      depConstraints: depConstraints(where),
      // A door of a package may be opened late (an exporter, a client) though another one is open from the start.
      checkDynamicDependenciesExceptions: ['.*'],
    },
  ],
});

export default defineConfig(
  globalIgnores([
    '**/dist',
    '**/out-tsc',
    '**/gen',
    '**/assembly',
    '**/testdata',
    'eslint.config.js',
  ]),
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  { languageOptions: { parserOptions: { projectService: true } } },
  {
    rules: {
      // A number in a template says what it means; everything else must be turned into text on purpose.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `while (true)` around a step loop is its honest form.
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // The object `z` keeps all of zod in a bundle, its translations included: 28 MB of a running endpoint picker.
      'no-restricted-syntax': [
        'error',
        {
          selector: 'ImportDeclaration[source.value="zod"] > ImportSpecifier[imported.name="z"]',
          message: "Write import * as z from 'zod'.",
        },
      ],
      // `{ field: _, ...rest }` is how a field is left out.
      '@typescript-eslint/no-unused-vars': [
        'error',
        { ignoreRestSiblings: true, argsIgnorePattern: '^_' },
      ],
    },
  },
  { plugins: { '@nx': nx }, rules: boundaries({ tests: false }) },
  { files: ['**/*.test.ts', '**/*.testing.ts'], rules: boundaries({ tests: true }) },
  prettier,
);
