import { defineConfig } from 'vitest/config';

// Apart from `pnpm test`: the first run builds Istio's control plane, which takes many minutes.
export default defineConfig({
  root: import.meta.dirname,
  ssr: { resolve: { conditions: ['@llm-d/source'] } },
  test: { include: ['src/istio/**/*.scenario.ts'], restoreMocks: true },
});
