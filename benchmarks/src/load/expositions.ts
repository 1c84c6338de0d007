// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const CAPTURED = resolve(
  import.meta.dirname,
  '../../../packages/endpoint-picker/src/scrape/testdata/vllm-0.32-under-load.txt',
);

/** What a vLLM 0.32 under load answers `/metrics` with: 77 KB. */
export const realExposition = (): string => readFileSync(CAPTURED, 'utf8');

/** The same, reduced to the lines that the gateway reads: about 2 KB, as an engine with a metrics filter would send. */
export const smallExposition = (): string =>
  realExposition()
    .split('\n')
    .filter((line) =>
      /^(# (HELP|TYPE) )?vllm:(num_requests_(running|waiting)|kv_cache_usage_perc|cache_config_info)[ {]/.test(
        line,
      ),
    )
    .join('\n')
    .concat('\n');

/** The same from an engine at rest: nothing runs, nothing waits. */
export const atRest = (exposition: string): string =>
  exposition.replaceAll(/^(vllm:num_requests_(?:running|waiting)[{ ].*) \S+$/gm, '$1 0');
