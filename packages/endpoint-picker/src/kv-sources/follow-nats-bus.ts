// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import type { FollowedBus } from '../producers/precise-prefix-cache-producer/kv-event-sources.ts';

/** Reads a JetStream stream: its newest snapshot, then what came since, until the signal fires. */
export async function followNatsBus(options: FollowedBus): Promise<void> {
  const { signal, credentialsFile, begin, ...where } = options;
  const { connectNatsKvBus } = await import('@llm-d/kv-events/nats');
  const credentials =
    credentialsFile === undefined
      ? undefined
      : { kind: 'creds' as const, text: await readFile(credentialsFile, 'utf8') };
  if (signal.aborted) return;
  await using bus = await connectNatsKvBus({ ...where, credentials, name: 'llm-d-epp' });
  const { reader, after } = await begin(await bus.snapshots.load(signal));
  await bus.read(reader, { after, signal });
}
