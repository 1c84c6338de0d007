// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** Apart from `pnpm test`: the first run builds Istio's control plane, which takes many minutes. */
export default defineConfig({
  root: join(import.meta.dirname, '../..'),
  ssr: { resolve: { conditions: ['@llm-d/source'] } },
  test: { include: ['src/istio/*.scenario.ts'], reporters: ['verbose'], restoreMocks: true },
});
