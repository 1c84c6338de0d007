// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** Apart from `pnpm test`: the first run installs vLLM, 1 GB of downloads and 3 GB on disk, and servers need minutes to start. */
export default defineConfig({
  root: join(import.meta.dirname, '../..'),
  ssr: { resolve: { conditions: ['@llm-d/source'] } },
  test: { include: ['src/vllm/*.scenario.ts'], reporters: ['verbose'], restoreMocks: true },
});
