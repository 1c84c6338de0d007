// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createHttpTarget, randomLengthsWorkload, runWorkload } from '@llm-d/workload';
import type { RunArmsDeps } from './run-arms.ts';

const ANSWER = Buffer.from(
  `${'data: {"choices":[{"index":0,"delta":{"content":"warm"}}]}\n\n'.repeat(100)}data: [DONE]\n\n`,
);
const DURATION_MS = 250;
const RATE_PER_SECOND = 400;

/**
 * Sends a hundred requests to a server in this process. Code that has not been compiled yet is several times slower, and
 * without this the first arm of a comparison alone would pay for it. No system under test sees any of it.
 */
export async function warmClient({
  clock,
  signal,
}: Pick<RunArmsDeps, 'clock' | 'signal'>): Promise<void> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(200).end(ANSWER));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  try {
    await using target = createHttpTarget({ url: `http://127.0.0.1:${port}`, model: 'none' });
    const workload = randomLengthsWorkload({
      seed: 1,
      ratePerSecond: RATE_PER_SECOND,
      durationMs: DURATION_MS,
      input: { mean: 4000 },
      output: { mean: 100 },
    });
    await runWorkload(workload, target, { clock, ...(signal && { signal }) }).result;
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
