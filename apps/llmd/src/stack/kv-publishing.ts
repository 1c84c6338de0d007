// SPDX-License-Identifier: Apache-2.0
import type { KvPorts } from './child.ts';

const FLAG = '--kv-events-config';

/**
 * Loopback, in the one form that makes vLLM's rule bind it: an IPv4 address is dialled, one with `::` is bound. `*` would
 * show everybody in the same network what is in people's prompts.
 */
const LOOPBACK = '[::ffff:127.0.0.1]';

/** Arguments of an engine that publishes its KV events to this machine, at ports that the system chooses. */
export function publishingArguments(name: string, model: string): readonly string[] {
  // Whoever listens knows by the port which engine it is; the topic says which model.
  return [FLAG, configOf({ events: 0, replays: 0 }, `kv@${name}@${model}`)];
}

/** The same, at the ports that the system has chosen. Other arguments stay as they are. */
export function publishingAgain(
  args: readonly string[],
  ports: KvPorts | undefined,
): readonly string[] {
  const at = args.indexOf(FLAG) + 1;
  const before = args[at];
  if (at === 0 || before === undefined || ports === undefined) return args;
  const { topic } = JSON.parse(before) as { topic: string };
  return args.with(at, configOf(ports, topic));
}

const configOf = ({ events, replays }: KvPorts, topic: string): string =>
  JSON.stringify({
    enable_kv_cache_events: true,
    endpoint: `tcp://${LOOPBACK}:${events}`,
    replay_endpoint: `tcp://${LOOPBACK}:${replays}`,
    topic,
  });
