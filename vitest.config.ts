import { defineConfig } from 'vitest/config';
import { doctest } from './tools/doctest.ts';

// One run for the whole repository; `pnpm test packages/kv-index` narrows it.
// The source condition makes tests import src/, so nothing has to be built first.
export default defineConfig({
  plugins: [doctest()],
  ssr: { resolve: { conditions: ['@llm-d/source'] } },
  test: {
    include: [
      '{packages,apps}/*/src/**/*.test.ts',
      '{e2e,benchmarks}/src/**/*.test.ts',
      'tools/**/*.test.ts',
      'packages/*/README.md',
      'README.md',
    ],
    restoreMocks: true,
    reporters: ['default', ['json', { outputFile: 'reports/vitest.json' }]],
  },
});
