// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { defaultKvEvents, type KvEventsOptions } from './kv-events-options.ts';

const count = z.number().int().positive();

/** The keys of vLLM's KVEventsConfig. */
const configSchema = z.strictObject({
  enable_kv_cache_events: z.boolean().default(false),
  publisher: z.enum(['zmq', 'null']).nullish(),
  endpoint: z.string().min(1).default(defaultKvEvents.endpoint),
  replay_endpoint: z.string().min(1).nullish(),
  buffer_steps: count.default(defaultKvEvents.bufferSteps),
  hwm: z.number().int().nonnegative().default(defaultKvEvents.hwm),
  max_queue_size: count.default(defaultKvEvents.maxQueueSize),
  topic: z.string().nullish(),
});

/** JSON that is no config. The message lists every fault with its key. */
export class KvEventsConfigError extends Error {
  readonly code = 'KV_EVENTS_CONFIG_INVALID';
  readonly faults: readonly string[];
  constructor(faults: readonly string[], options?: ErrorOptions) {
    super(`--kv-events-config: ${faults.join('; ')}`, options);
    this.name = 'KvEventsConfigError';
    this.faults = faults;
  }
}

/** What `--kv-events-config` asks for; undefined if it leaves events off. @throws {@link KvEventsConfigError} */
export function parseKvEventsConfig(text: string): KvEventsOptions | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new KvEventsConfigError(['it must be a JSON object'], { cause });
  }
  const result = configSchema.safeParse(value);
  if (!result.success) {
    const faults = result.error.issues.map(({ path, message }) => [...path, message].join(': '));
    throw new KvEventsConfigError(faults);
  }
  const config = result.data;
  if (!config.enable_kv_cache_events || config.publisher === 'null') return undefined;
  return {
    ...defaultKvEvents,
    endpoint: config.endpoint,
    replayEndpoint: config.replay_endpoint ?? undefined,
    bufferSteps: config.buffer_steps,
    hwm: config.hwm,
    maxQueueSize: config.max_queue_size,
    topic: config.topic ?? undefined,
  };
}
